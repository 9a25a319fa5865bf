/* Many clients at once: one thread, epoll. Started and read by harness.py.
 *
 *   client KIND PORT K [name=value ...]
 *
 * KIND   aichat   WebSocket /ws: hello, then a chat in a new conversation with `persona`; with tokens=FILE each
 *                 connection is the user of its line there
 *        relay    WebSocket `path`: {"content": "N=.. gap=.."}, then frames of type delta up to one of type done
 *        sse      HTTP POST `path`: server-sent events up to [DONE]
 *        watch    aichat; the first connection makes a conversation, all subscribe to it
 *        idle     aichat; all say hello, no more
 *
 * n=200 gap=10 spread=500 (ms over which the K conversations start) path=/ws model=fake-1 timeout=120 (s)
 *
 * It prints a line of JSON when all are ready, and then one for each line on stdin:
 *   go               all K conversations (aichat, relay, sse)
 *   chat             one conversation, heard by all (watch)
 *   rename TITLE     one event, heard by all (idle, with conversation=ID)
 *   end              close all
 * Times are µs: `first` from the question to the first delta, `delay` of each delta since the upstream wrote it,
 * `late` how long after its time the upstream wrote it, `heard` from the command to its end at each connection. A conversation that does not get all deltas, in order,
 * with a whole end, is an error: it says so on stderr and exits with 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DELTA_TEXT 32 /* as in upstream.c */
#define OPENING 64    /* handshakes under way at once */

enum Kind { AICHAT, RELAY, SSE, WATCH, IDLE };
enum State { NEW, CONNECTING, UPGRADING, GREETING, READY, ASKED, OVER };

typedef struct {
    int fd, number, got, part_size, head_read, finished;
    enum State state;
    uint64_t asked, first, heard, place, began;
    long conversation, chunk;
    char part[DELTA_TEXT];
    char *in, *line;
    size_t in_size, in_room, line_size, line_room;
} Conn;

static enum Kind kind;
static int port, K, N = 200, gap = 10, spread = 500, timeout = 120, epoll, opened, ready, over;
static const char *path = "/ws", *persona = "", *model = "fake-1";
static char **tokens;
static long shared_conversation;
static Conn *conns;
static uint64_t now, frames, bytes, snapshots;
static uint32_t *delays, *lates;
static size_t delay_count, delay_room, late_room;

static void fail(Conn *c, const char *format, ...) {
    va_list more;
    va_start(more, format);
    fprintf(stderr, "client %d: ", c ? c->number : -1);
    vfprintf(stderr, format, more);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *grow(void *data, size_t *room, size_t wanted, size_t each) {
    if (wanted > *room) data = realloc(data, (*room = wanted * 2 + 64) * each);
    return data;
}

/* out */

static void send_all(Conn *c, const char *data, size_t size) {
    ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
    if (n != (ssize_t)size) fail(c, "cannot send: %s", strerror(errno));
}

static void send_frame(Conn *c, int opcode, const char *text, size_t size) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char data[2048];
    size_t at = 2;
    if (size > sizeof data - 8) fail(c, "the frame is too long");
    data[0] = 0x80 | opcode;
    data[1] = 0x80 | (size < 126 ? size : 126);
    if (size >= 126) data[at++] = size >> 8, data[at++] = size & 255;
    memcpy(data + at, mask, 4), at += 4;
    for (size_t i = 0; i < size; i++) data[at + i] = text[i] ^ mask[i & 3];
    send_all(c, (char *)data, at + size);
}

static void say(Conn *c, const char *format, ...) {
    char text[1024];
    va_list more;
    va_start(more, format);
    send_frame(c, 1, text, vsnprintf(text, sizeof text, format, more));
}

/* JSON of frames that are known: fields are looked for by name, spaces allowed after the colon */

static const char *field(const char *data, size_t size, const char *name) {
    char quoted[64];
    int n = snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *p = memmem(data, size, quoted, n);
    if (!p) return NULL;
    for (p += n; p < data + size && *p == ' ';) p++;
    return p;
}

static int string_field(const char *data, size_t size, const char *name, const char **text, size_t *length) {
    const char *p = field(data, size, name);
    if (!p || *p != '"') return 0;
    const char *end = memchr(p + 1, '"', data + size - p - 1);
    if (!end) return 0;
    *text = p + 1, *length = end - p - 1;
    return 1;
}

static long number_field(const char *data, size_t size, const char *name) {
    const char *p = field(data, size, name);
    return p ? atol(p) : 0;
}

static int is(const char *text, size_t size, const char *word) {
    return size == strlen(word) && !memcmp(text, word, size);
}

/* what comes */

/* Text of an answer, in pieces of any size: each whole delta is checked and timed. */
static void hear(Conn *c, const char *text, size_t size) {
    c->place += size;
    while (size) {
        size_t take = DELTA_TEXT - c->part_size;
        if (take > size) take = size;
        memcpy(c->part + c->part_size, text, take);
        c->part_size += take, text += take, size -= take;
        if (c->part_size < DELTA_TEXT) return;
        c->part_size = 0;
        uint64_t made = strtoull(c->part, NULL, 10);
        int index = atoi(c->part + 15);
        if (index != c->got) fail(c, "delta %d came where %d was due: %.32s", index, c->got, c->part);
        if (!c->got) c->first = now, c->began = made;
        uint64_t due = c->began + (uint64_t)c->got++ * gap * 1000;
        delays = grow(delays, &delay_room, delay_count + 1, sizeof *delays);
        lates = grow(lates, &late_room, delay_count + 1, sizeof *lates);
        lates[delay_count] = gap && made > due ? made - due : 0;
        delays[delay_count++] = now > made ? now - made : 0;
    }
}

static void finish(Conn *c) {
    if (c->got != N || c->part_size) fail(c, "the answer ended after %d of %d deltas", c->got, N);
    c->state = OVER;
    c->heard = now;
    over++;
}

static void become_ready(Conn *c) {
    c->state = READY;
    ready++;
}

static void aichat_frame(Conn *c, const char *data, size_t size) {
    const char *type, *text;
    size_t type_size, length;
    if (!string_field(data, size, "type", &type, &type_size)) fail(c, "no type in %.*s", (int)size, data);
    if (is(type, type_size, "message_delta") || is(type, type_size, "message_snapshot")) {
        if (!string_field(data, size, "content", &text, &length)) return;
        if (is(type, type_size, "message_snapshot")) {
            snapshots++;
            if (length > c->place) hear(c, text + c->place, length - c->place);
        } else if (number_field(data, size, "offset") != (long)c->place) {
            fail(c, "a delta at %ld where %ld was due", number_field(data, size, "offset"), (long)c->place);
        } else {
            hear(c, text, length);
        }
    } else if (is(type, type_size, "message_done")) {
        if (c->state != ASKED || number_field(data, size, "conversation_id") != c->conversation) return;
        if (!string_field(data, size, "status", &text, &length) || !is(text, length, "done"))
            fail(c, "not done: %.*s", (int)length, text);
        if (!string_field(data, size, "content", &text, &length) || length != (size_t)N * DELTA_TEXT)
            fail(c, "the stored text has another length");
        finish(c);
    } else if (is(type, type_size, "ack")) {
        long conversation = number_field(data, size, "conversation_id");
        if (conversation) c->conversation = conversation;
        if (c->state == GREETING && kind == WATCH) {
            if (!shared_conversation) shared_conversation = conversation;
            c->conversation = shared_conversation;
            become_ready(c);
        }
    } else if (is(type, type_size, "conversation_saved")) {
        if (c->state == ASKED && kind == IDLE) c->state = OVER, c->heard = now, over++;
    } else if (is(type, type_size, "welcome")) {
        if (kind == WATCH && c->number == 0)
            say(c, "{\"type\":\"conversation_create\",\"persona_id\":\"%s\",\"request_id\":\"w%llx\"}", persona,
                (unsigned long long)now);
        else if (kind != WATCH)
            become_ready(c);
    } else if (is(type, type_size, "error")) {
        fail(c, "%.*s", (int)size, data);
    }
}

static void relay_frame(Conn *c, const char *data, size_t size) {
    const char *type, *text;
    size_t type_size, length;
    if (!string_field(data, size, "type", &type, &type_size)) fail(c, "no type in %.*s", (int)size, data);
    if (is(type, type_size, "delta")) {
        if (!string_field(data, size, "content", &text, &length)) fail(c, "no content in %.*s", (int)size, data);
        hear(c, text, length);
    } else if (is(type, type_size, "done")) {
        finish(c);
    } else {
        fail(c, "%.*s", (int)size, data);
    }
}

static void sse_line(Conn *c, const char *data, size_t size) {
    const char *text;
    size_t length;
    if (size < 6 || memcmp(data, "data: ", 6)) return;
    data += 6, size -= 6;
    frames++;
    if (is(data, size, "[DONE]")) {
        if (!c->finished) fail(c, "no finish_reason");
        finish(c);
    } else if (string_field(data, size, "finish_reason", &text, &length)) {
        c->finished = is(text, length, "stop");
    }
    if (string_field(data, size, "content", &text, &length) && length) hear(c, text, length);
}

static void sse_bytes(Conn *c, const char *data, size_t size) {
    c->line = grow(c->line, &c->line_room, c->line_size + size, 1);
    memcpy(c->line + c->line_size, data, size);
    c->line_size += size;
    char *at = c->line, *end;
    while ((end = memchr(at, '\n', c->line + c->line_size - at))) {
        size_t length = end - at;
        sse_line(c, at, length && at[length - 1] == '\r' ? length - 1 : length);
        at = end + 1;
    }
    c->line_size -= at - c->line;
    memmove(c->line, at, c->line_size);
}

/* Each returns how many bytes of `data` are done with; 0: more are needed. */

static size_t take_head(Conn *c, char *data, size_t size) {
    char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    c->head_read = 1;
    if (kind == SSE) {
        if (memcmp(data + 9, "200", 3)) fail(c, "%.*s", (int)size, data);
        if (!memmem(data, end - data, "chunked", 7)) fail(c, "the body is not chunked");
    } else {
        if (memcmp(data + 9, "101", 3)) fail(c, "%.*s", (int)(end - data), data);
        opened--;
        if (kind == RELAY) {
            become_ready(c);
        } else {
            c->state = GREETING;
            say(c, "{\"type\":\"hello\",\"version\":1,\"client\":\"bench\"%s%s%s}", tokens ? ",\"token\":\"" : "",
                tokens ? tokens[c->number] : "", tokens ? "\"" : "");
        }
    }
    return end + 4 - data;
}

static size_t take_chunk(Conn *c, char *data, size_t size) {
    if (c->chunk > 0) {
        size_t take = (size_t)c->chunk < size ? (size_t)c->chunk : size;
        sse_bytes(c, data, take);
        if (!(c->chunk -= take)) c->chunk = -2; /* a line end follows */
        return take;
    }
    if (c->chunk == -2) {
        if (size < 2) return 0;
        c->chunk = 0;
        return 2;
    }
    char *end = memchr(data, '\n', size);
    if (!end) return 0;
    c->chunk = strtol(data, NULL, 16);
    return end + 1 - data;
}

static size_t take_frame(Conn *c, char *data, size_t size) {
    unsigned char *u = (unsigned char *)data;
    size_t head = 2, length;
    if (size < 2) return 0;
    length = u[1] & 127;
    if (length == 126) {
        if (size < (head = 4)) return 0;
        length = u[2] << 8 | u[3];
    } else if (length == 127) {
        if (size < (head = 10)) return 0;
        length = 0;
        for (int i = 2; i < 10; i++) length = length << 8 | u[i];
    }
    if (size < head + length) return 0;
    if (u[0] == 0x81) {
        frames++;
        (kind == RELAY ? relay_frame : aichat_frame)(c, data + head, length);
    } else if (u[0] == 0x89) {
        send_frame(c, 10, data + head, length);
    } else if (u[0] != 0x8a) {
        fail(c, "a frame of type %02x: %.*s", u[0], (int)(length > 2 ? length - 2 : 0), data + head + 2);
    }
    return head + length;
}

static void receive(Conn *c) {
    for (;;) {
        c->in = grow(c->in, &c->in_room, c->in_size + 65536, 1);
        size_t room = c->in_room - c->in_size;
        ssize_t n = recv(c->fd, c->in + c->in_size, room, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            if (kind != SSE || c->state != OVER) fail(c, "closed in state %d: %s", c->state, n ? strerror(errno) : "end");
            epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
            return;
        }
        now = now_us();
        bytes += n;
        c->in_size += n;
        size_t at = 0, taken;
        do {
            char *data = c->in + at;
            size_t size = c->in_size - at;
            taken = !size ? 0
                    : !c->head_read ? take_head(c, data, size)
                    : kind == SSE   ? take_chunk(c, data, size)
                                    : take_frame(c, data, size);
            at += taken;
        } while (taken);
        c->in_size -= at;
        memmove(c->in, c->in + at, c->in_size);
        if (!c->in_size && kind == IDLE) free(c->in), c->in = NULL, c->in_room = 0;
        if ((size_t)n < room) return;
    }
}

/* the course of things */

static void open_one(Conn *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail(c, "connect: %s", strerror(errno));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
    if (kind == SSE) {
        become_ready(c);
        return;
    }
    char head[512];
    int n = snprintf(head, sizeof head,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, port);
    send_all(c, head, n);
    c->state = UPGRADING;
    opened++;
}

static void ask(Conn *c) {
    c->state = ASKED;
    c->asked = now = now_us();
    if (kind == AICHAT) {
        say(c, "{\"type\":\"chat\",\"persona_id\":\"%s\",\"new_conversation\":true,\"content\":\"N=%d gap=%d\","
               "\"request_id\":\"b%d-%d-%llx\"}", persona, N, gap, getpid(), c->number, (unsigned long long)now);
    } else if (kind == WATCH) {
        say(c, "{\"type\":\"chat\",\"conversation_id\":%ld,\"content\":\"N=%d gap=%d\",\"request_id\":\"b%llx\"}",
            shared_conversation, N, gap, (unsigned long long)now);
    } else if (kind == RELAY) {
        say(c, "{\"content\":\"N=%d gap=%d\"}", N, gap);
    } else {
        char body[256], request[1024];
        int n = snprintf(body, sizeof body,
                         "{\"model\":\"%s\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                         "\"messages\":[{\"role\":\"user\",\"content\":\"N=%d gap=%d\"}]}", model, N, gap);
        n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                     "Content-Length: %d\r\n\r\n%s", path, port, n, body);
        send_all(c, request, n);
    }
}

static void pump(int ms) {
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, ms);
    for (int i = 0; i < n; i++) receive(events[i].data.ptr);
}

static void wait_for(int *counter, int wanted, const char *what) {
    uint64_t end = now_us() + (uint64_t)timeout * 1000000;
    while (*counter < wanted) {
        pump(100);
        if (now_us() > end) fail(NULL, "%s: %d of %d within %d s", what, *counter, wanted, timeout);
    }
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print_spread(const char *name, uint32_t *values, size_t count) {
    qsort(values, count, sizeof *values, by_size);
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    printf("\"%s\": {\"p50\": %u, \"p99\": %u, \"max\": %u, \"mean\": %.1f}, ", name, count ? values[count / 2] : 0,
           count ? values[(size_t)(count * 0.99)] : 0, count ? values[count - 1] : 0, count ? sum / count : 0);
}

static void report(uint64_t began, uint64_t commanded) {
    uint32_t *first = calloc(K, sizeof *first), *heard = calloc(K, sizeof *heard);
    uint64_t deltas = 0;
    for (int i = 0; i < K; i++) {
        deltas += conns[i].got;
        first[i] = conns[i].first - (commanded ? commanded : conns[i].asked);
        heard[i] = conns[i].heard - (commanded ? commanded : conns[i].asked);
    }
    printf("{");
    if (deltas) print_spread("first", first, K), print_spread("delay", delays, delay_count), print_spread("late", lates, delay_count);
    print_spread("heard", heard, K);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("\"conversations\": %d, \"deltas\": %llu, \"frames\": %llu, \"bytes\": %llu, \"snapshots\": %llu, "
           "\"seconds\": %.3f}\n", over, (unsigned long long)deltas, (unsigned long long)frames,
           (unsigned long long)bytes, (unsigned long long)snapshots, (now_us() - began) / 1e6);
    fflush(stdout);
    free(first), free(heard);
}

static void begin_count(void) {
    frames = bytes = snapshots = delay_count = 0;
    over = 0;
    for (int i = 0; i < K; i++) {
        Conn *c = &conns[i];
        c->got = c->part_size = c->finished = 0;
        c->place = 0;
        if (c->state == OVER) c->state = READY;
    }
}

static void go(void) {
    uint64_t began = now_us(), end = began + (uint64_t)timeout * 1000000;
    begin_count();
    for (int asked = 0; over < K;) {
        uint64_t t = now_us();
        while (asked < K && t >= began + (uint64_t)spread * 1000 * asked / K) ask(&conns[asked++]);
        pump(asked < K ? 1 : 100);
        if (t > end) fail(NULL, "%d of %d conversations were whole within %d s", over, K, timeout);
    }
    report(began, 0);
}

static void one_for_all(const char *title) {
    begin_count();
    uint64_t began = now_us();
    for (int i = 0; i < K; i++) conns[i].state = ASKED;
    if (title)
        say(&conns[0], "{\"type\":\"conversation_rename\",\"conversation_id\":%ld,\"title\":\"%s\",\"request_id\":\"r%llx\"}",
            shared_conversation, title, (unsigned long long)began);
    else
        ask(&conns[0]);
    wait_for(&over, K, "heard");
    report(began, began);
}

/* Between commands the sockets are read, so that pings are answered. */
static int read_command(char *line, size_t room) {
    struct pollfd waits[2] = {{.fd = 0, .events = POLLIN}, {.fd = epoll, .events = POLLIN}};
    for (;;) {
        poll(waits, 2, -1);
        if (waits[1].revents) pump(0);
        if (waits[0].revents) {
            ssize_t n = read(0, line, room - 1);
            if (n <= 0) return 0;
            line[n] = 0;
            line[strcspn(line, "\n")] = 0;
            return strcmp(line, "end") != 0;
        }
    }
}

static void read_tokens(const char *name) {
    FILE *file = fopen(name, "r");
    char line[256];
    tokens = calloc(K, sizeof *tokens);
    if (!file) fail(NULL, "%s: %s", name, strerror(errno));
    for (int i = 0; i < K; i++) {
        if (!fgets(line, sizeof line, file)) fail(NULL, "%s has fewer than %d tokens", name, K);
        line[strcspn(line, "\n")] = 0;
        tokens[i] = strdup(line);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    static const char *kinds[] = {"aichat", "relay", "sse", "watch", "idle"};
    if (argc < 4) fail(NULL, "client KIND PORT K [name=value ...]");
    for (kind = AICHAT; kind <= IDLE && strcmp(argv[1], kinds[kind]);) kind++;
    if (kind > IDLE) fail(NULL, "no kind %s", argv[1]);
    port = atoi(argv[2]), K = atoi(argv[3]);
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) fail(NULL, "no value in %s", argv[i]);
        *value++ = 0;
        if (!strcmp(argv[i], "n")) N = atoi(value);
        else if (!strcmp(argv[i], "gap")) gap = atoi(value);
        else if (!strcmp(argv[i], "spread")) spread = atoi(value);
        else if (!strcmp(argv[i], "timeout")) timeout = atoi(value);
        else if (!strcmp(argv[i], "path")) path = value;
        else if (!strcmp(argv[i], "model")) model = value;
        else if (!strcmp(argv[i], "persona")) persona = value;
        else if (!strcmp(argv[i], "conversation")) shared_conversation = atol(value);
        else if (!strcmp(argv[i], "tokens")) read_tokens(value);
        else fail(NULL, "no option %s", argv[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(0);
    conns = calloc(K, sizeof *conns);
    uint64_t began = now_us();
    for (int i = 0; i < K; i++) {
        conns[i].number = i;
        open_one(&conns[i]);
        while (opened >= OPENING) pump(100);
        if (!(i % 16)) pump(0);
    }
    if (kind == WATCH) {
        wait_for(&ready, 1, "the conversation");
        for (int i = 1; i < K; i++) {
            while (conns[i].state != GREETING) pump(10);
            say(&conns[i], "{\"type\":\"conversation_subscribe\",\"conversation_id\":%ld,\"request_id\":\"s%d\"}",
                shared_conversation, i);
            if (!(i % 16)) pump(0);
        }
        say(&conns[0], "{\"type\":\"conversation_subscribe\",\"conversation_id\":%ld}", shared_conversation);
    }
    wait_for(&ready, K, "ready");
    printf("{\"ready\": %d, \"seconds\": %.3f}\n", ready, (now_us() - began) / 1e6);
    fflush(stdout);
    for (char line[1024]; read_command(line, sizeof line);) {
        if (!strcmp(line, "go")) go();
        else if (!strcmp(line, "chat")) one_for_all(NULL);
        else if (!strncmp(line, "rename ", 7)) one_for_all(line + 7);
        else fail(NULL, "no command %s", line);
    }
    return 0;
}
