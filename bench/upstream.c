/* A cheap OpenAI-compatible upstream: one thread, epoll, a timer wheel of 1 ms.
 *
 *   upstream [PORT]        prints {"port": N}
 *
 * POST anything: an answer as server-sent events, HTTP/1.1 chunked; closed at its end where the asker says so. The last
 * "N=200 gap=10" in the body says how many deltas, one every so many ms; gap=0 is as fast as the socket takes. Each
 * delta is one event of
 * DELTA_WIRE bytes on the wire, its content DELTA_TEXT characters: "<µs, 14 digits> <index, 5 digits> <filler>", where
 * the time is CLOCK_MONOTONIC when it was written, so that whoever reads it on this machine knows its delay.
 * Then finish_reason "stop", usage and [DONE]. GET anything: an empty list of models. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DELTA_TEXT 32
#define DELTA_WIRE 320
#define BURST 32       /* deltas written at once where nothing paces them */
#define SLOTS 4096     /* of the wheel, 1 ms each: the longest gap */
#define OUT_MOST 16384

static const char FILLER[] = "lorem ipsum";
static const char BEFORE[] =
    "data: {\"id\":\"chatcmpl-bench000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,"
    "\"model\":\"fake-1\",\"system_fingerprint\":\"fp_0000000000\",\"choices\":[{\"index\":0,\"delta\":";
static const char AFTER[] = ",\"logprobs\":null,\"finish_reason\":";

typedef struct Conn {
    int fd, count, gap, sent, answering, waits_for_room, last;
    uint64_t began, due;
    struct Conn *next;
    char *in;
    size_t in_size, in_room;
    char out[OUT_MOST];
    size_t out_size, out_at;
} Conn;

static Conn *wheel[SLOTS];
static uint64_t wheel_at;
static int paced, epoll;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void watch(Conn *c, int op, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, op, c->fd, &e);
}

static void put(Conn *c, const char *data, size_t size) {
    if (c->out_size + size > OUT_MOST) abort();
    memcpy(c->out + c->out_size, data, size);
    c->out_size += size;
}

static void put_chunk(Conn *c, const char *data, size_t size) {
    char head[16];
    put(c, head, snprintf(head, sizeof head, "%zx\r\n", size));
    put(c, data, size);
    put(c, "\r\n", 2);
}

/* One event, its content written over a template that was made once. */
static void put_delta(Conn *c, uint64_t now) {
    static char event[DELTA_WIRE + 16];
    static size_t size, text_at;
    if (!size) {
        char content[DELTA_TEXT + 1];
        snprintf(content, sizeof content, "%014d %05d %s", 0, 0, FILLER);
        int n = snprintf(event, sizeof event, "%s{\"content\":\"%s\"}%snull}],\"obfuscation\":\"", BEFORE, content, AFTER);
        text_at = (size_t)(strstr(event, content) - event);
        size = DELTA_WIRE - 7; /* "13a\r\n" before, "\r\n" after */
        if ((size_t)n + 5 > size) abort();
        memset(event + n, 'x', size - n);
        memcpy(event + size - 4, "\"}\n\n", 4);
    }
    char *p = event + text_at + 13;
    for (int i = 0; i < 14; i++, now /= 10) *p-- = (char)('0' + now % 10);
    p = event + text_at + 19;
    for (int i = 0, index = c->sent; i < 5; i++, index /= 10) *p-- = (char)('0' + index % 10);
    put_chunk(c, event, size);
    c->sent++;
}

static void put_role(Conn *c) {
    char event[512];
    int n = snprintf(event, sizeof event, "%s{\"role\":\"assistant\",\"content\":\"\"}%snull}]}\n\n", BEFORE, AFTER);
    put_chunk(c, event, n);
}

static void put_end(Conn *c) {
    char event[512];
    int n = snprintf(event, sizeof event, "%s{}%s\"stop\"}]}\n\n", BEFORE, AFTER);
    put_chunk(c, event, n);
    n = snprintf(event, sizeof event,
                 "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"fake-1\","
                 "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
                 c->count, c->count + 9);
    put_chunk(c, event, n);
    put_chunk(c, "data: [DONE]\n\n", 14);
    put(c, "0\r\n\r\n", 5);
}

static void forget(Conn *c) {
    if (c->answering && c->gap) { /* it may stand in the wheel */
        Conn **p = &wheel[c->due % SLOTS];
        while (*p && *p != c) p = &(*p)->next;
        if (*p) *p = c->next;
        paced--;
    }
    close(c->fd);
    free(c->in);
    free(c);
}

/* Write what there is -> 0: all of it, 1: the socket is full, -1: the connection is gone. */
static int flush(Conn *c) {
    while (c->out_at < c->out_size) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_size - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!c->waits_for_room) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT), c->waits_for_room = 1;
            return 1;
        }
        if (n < 0) return forget(c), -1;
        c->out_at += n;
    }
    c->out_at = c->out_size = 0;
    return 0;
}

/* All of an answer is written: the next request may come, where the asker does not want it closed. */
static void finish(Conn *c) {
    if (c->last) return forget(c);
    c->count = c->sent = 0;
    c->in_size = 0;
    if (c->waits_for_room) watch(c, EPOLL_CTL_MOD, EPOLLIN), c->waits_for_room = 0;
}

static void enter_wheel(Conn *c) {
    c->due = c->began / 1000 + (uint64_t)c->sent * c->gap;
    if (c->due <= wheel_at) c->due = wheel_at + 1;
    c->next = wheel[c->due % SLOTS];
    wheel[c->due % SLOTS] = c;
}

/* Everything that is due by now. A paced connection comes back through the wheel, an unpaced one by EPOLLOUT. */
static void produce(Conn *c) {
    uint64_t now = now_us();
    int due = c->gap ? (int)((now - c->began) / 1000 / c->gap) + 1 : c->sent + BURST;
    for (int n = 0; c->sent < c->count && c->sent < due && n < BURST; n++) put_delta(c, now);
    int over = c->sent == c->count;
    if (over) put_end(c);
    if (over && c->gap) paced--;
    if (over) c->answering = 0;
    int full = flush(c);
    if (full < 0) return;
    if (over) {
        if (!full) finish(c);
    } else if (c->gap) {
        if (!full) enter_wheel(c);
        else c->due = wheel_at - 1; /* it waits for room, not for a time */
    } else if (!c->waits_for_room) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT), c->waits_for_room = 1;
    }
}

static int number_after(const char *text, const char *name, int otherwise) {
    const char *found = NULL;
    for (const char *p = text; (p = strstr(p, name)); p++) found = p;
    return found ? atoi(found + strlen(name)) : otherwise;
}

static void answer(Conn *c, const char *body) {
    if (!strncmp(c->in, "GET", 3)) {
        static const char models[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n"
                                     "Connection: close\r\n\r\n{\"object\":\"list\",\"data\":[]}";
        put(c, models, sizeof models - 1);
        if (!flush(c)) forget(c);
        return;
    }
    c->count = number_after(body, "N=", 20);
    c->gap = number_after(body, "gap=", 10);
    if (c->gap >= SLOTS) c->gap = SLOTS - 1;
    c->began = now_us();
    c->answering = 1;
    if (c->gap) {
        if (!paced++) wheel_at = c->began / 1000;
    }
    c->last = strcasestr(c->in, "\r\nConnection: close") || strstr(c->in, " HTTP/1.0\r\n");
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                               "Transfer-Encoding: chunked\r\n", close[] = "Connection: close\r\n";
    put(c, head, sizeof head - 1);
    if (c->last) put(c, close, sizeof close - 1);
    put(c, "\r\n", 2);
    put_role(c);
    produce(c);
}

static void receive(Conn *c) {
    if (c->in_room - c->in_size < 4096) c->in = realloc(c->in, c->in_room = c->in_room * 2 + 8192);
    ssize_t n = recv(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        forget(c);
        return;
    }
    if (c->count) return; /* it has asked already */
    c->in_size += n;
    c->in[c->in_size] = 0;
    char *body = strstr(c->in, "\r\n\r\n");
    if (!body) return;
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t wanted = length && length < body ? strtoul(length + 17, NULL, 10) : 0;
    if (c->in_size - (body + 4 - c->in) >= wanted) answer(c, body + 4);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    socklen_t size = sizeof address;
    if (bind(door, (struct sockaddr *)&address, size) || listen(door, 4096)) return perror("listen"), 1;
    getsockname(door, (struct sockaddr *)&address, &size);
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN}, events[512];
    epoll_ctl(epoll, EPOLL_CTL_ADD, door, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, 512, paced ? 1 : -1);
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (!c) {
                int fd;
                while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    watch(c, EPOLL_CTL_ADD, EPOLLIN);
                }
            } else if (events[i].events & EPOLLOUT) {
                int was_full = c->out_size > 0, full = flush(c);
                if (full) continue;
                if (c->answering && !c->gap) {
                    produce(c); /* stays on EPOLLOUT */
                } else if (!c->answering && c->count) {
                    finish(c);
                } else {
                    watch(c, EPOLL_CTL_MOD, EPOLLIN), c->waits_for_room = 0;
                    if (was_full && c->answering) produce(c);
                }
            } else {
                receive(c);
            }
        }
        if (!paced) continue;
        for (uint64_t now = now_us() / 1000; wheel_at < now;) {
            Conn *due = wheel[++wheel_at % SLOTS];
            wheel[wheel_at % SLOTS] = NULL;
            while (due) {
                Conn *next = due->next;
                due->next = NULL;
                produce(due);
                due = next;
            }
        }
    }
}
