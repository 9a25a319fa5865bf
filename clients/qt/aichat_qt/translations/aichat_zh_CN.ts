<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en_US">
<context>
    <name></name>
    <message>
        <source>reconnecting in {0} s</source>
        <translation>{0} 秒后重新连接</translation>
    </message>
    <message>
        <source>connecting…</source>
        <translation>正在连接…</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>This link is not opened</source>
        <translation>这个链接不会打开</translation>
    </message>
    <message>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Open this link in the browser?</source>
        <translation>要在浏览器中打开这个链接吗？</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Message field</source>
        <translation>输入框</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>New line</source>
        <translation>换行</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>From message to message</source>
        <translation>逐条浏览消息</translation>
    </message>
    <message>
        <source>To the first, to the newest</source>
        <translation>到最早、到最新</translation>
    </message>
    <message>
        <source>Lists</source>
        <translation>列表</translation>
    </message>
    <message>
        <source>Rename or edit</source>
        <translation>重命名或编辑</translation>
    </message>
    <message>
        <source>Everywhere</source>
        <translation>任何位置</translation>
    </message>
    <message>
        <source>Close what is open, else stop the answer</source>
        <translation>关闭已打开的面板，否则停止回答</translation>
    </message>
    <message>
        <source>To the next control</source>
        <translation>到下一个控件</translation>
    </message>
    <message>
        <source>Conversation</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Show conversations</source>
        <translation>显示对话列表</translation>
    </message>
    <message>
        <source>Next conversation</source>
        <translation>下一个对话</translation>
    </message>
    <message>
        <source>Previous conversation</source>
        <translation>上一个对话</translation>
    </message>
    <message>
        <source>Find in the conversation</source>
        <translation>在对话中查找</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>Stop the answer</source>
        <translation>停止回答</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Quote</source>
        <translation>引用</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Answer anew</source>
        <translation>重新回答</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Branch from here</source>
        <translation>从这里另开分支</translation>
    </message>
    <message>
        <source>Previous version</source>
        <translation>上一个版本</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>下一个版本</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <source>Delete this message?</source>
        <translation>删除这条消息？</translation>
    </message>
    <message>
        <source>This message and everything below it will be gone for good.</source>
        <translation>这条消息及其之后的所有内容将被永久删除。</translation>
    </message>
    <message>
        <source>This version, and everything below it, will be gone for good.</source>
        <translation>这个版本及其之后的所有内容将被永久删除。</translation>
    </message>
    <message>
        <source>Copy selection</source>
        <translation>复制所选内容</translation>
    </message>
    <message>
        <source>Copy link address</source>
        <translation>复制链接地址</translation>
    </message>
    <message>
        <source>Thought for {0}</source>
        <translation>思考了 {0}</translation>
    </message>
    <message>
        <source>Pin or unpin</source>
        <translation>置顶或取消置顶</translation>
    </message>
    <message>
        <source>Archive, or take out of the archive</source>
        <translation>归档或移出归档</translation>
    </message>
    <message>
        <source>Export as Markdown…</source>
        <translation>导出为 Markdown…</translation>
    </message>
    <message>
        <source>Rename conversation</source>
        <translation>重命名对话</translation>
    </message>
    <message>
        <source>Delete conversation</source>
        <translation>删除对话</translation>
    </message>
    <message>
        <source>Continue the answer</source>
        <translation>继续回答</translation>
    </message>
    <message>
        <source>Copy the last answer</source>
        <translation>复制最后的回答</translation>
    </message>
    <message>
        <source>To the newest message</source>
        <translation>到最新消息</translation>
    </message>
    <message>
        <source>Personas</source>
        <translation>人设</translation>
    </message>
    <message>
        <source>New persona…</source>
        <translation>新建人设…</translation>
    </message>
    <message>
        <source>Edit persona…</source>
        <translation>编辑人设…</translation>
    </message>
    <message>
        <source>Delete persona…</source>
        <translation>删除人设…</translation>
    </message>
    <message>
        <source>Next persona</source>
        <translation>下一个人设</translation>
    </message>
    <message>
        <source>Previous persona</source>
        <translation>上一个人设</translation>
    </message>
    <message>
        <source>Go to</source>
        <translation>前往</translation>
    </message>
    <message>
        <source>Next part of the window</source>
        <translation>窗口的下一个区域</translation>
    </message>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Command palette</source>
        <translation>命令面板</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Quick question</source>
        <translation>快速提问</translation>
    </message>
    <message>
        <source>Menu of the app</source>
        <translation>应用菜单</translation>
    </message>
    <message>
        <source>Switch between light and dark</source>
        <translation>切换浅色与深色</translation>
    </message>
    <message>
        <source>Switch the language</source>
        <translation>切换语言</translation>
    </message>
    <message>
        <source>Full screen</source>
        <translation>全屏</translation>
    </message>
    <message>
        <source>Close the window</source>
        <translation>关闭窗口</translation>
    </message>
    <message>
        <source>Log out…</source>
        <translation>退出登录…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>服务器</translation>
    </message>
    <message>
        <source>Add a server…</source>
        <translation>添加服务器…</translation>
    </message>
    <message>
        <source>Persona</source>
        <translation>人设</translation>
    </message>
    <message>
        <source>This persona is {0}&apos;s: only they can change it.</source>
        <translation>这个人设属于 {0}，只有对方可以修改。</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} 秒</translation>
    </message>
    <message>
        <source>{0} min {1} s</source>
        <translation>{0} 分 {1} 秒</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>An authority that this computer trusts vouches for the new one.</source>
        <translation>新证书由这台电脑信任的机构担保。</translation>
    </message>
    <message>
        <source>No authority vouches for it: the server made it itself.</source>
        <translation>没有机构为它担保：这是服务器自己签发的。</translation>
    </message>
    <message>
        <source>The authority that vouches for it is not known to this computer.</source>
        <translation>这台电脑不认识为它担保的机构。</translation>
    </message>
    <message>
        <source>It was made for another address than this one.</source>
        <translation>证书不是为这个地址签发的。</translation>
    </message>
    <message>
        <source>It has expired.</source>
        <translation>证书已过期。</translation>
    </message>
    <message>
        <source>It is not valid yet; or the clock of this computer is wrong.</source>
        <translation>证书尚未生效，或者这台电脑的时钟不准。</translation>
    </message>
    <message>
        <source>connected</source>
        <translation>已连接</translation>
    </message>
    <message>
        <source>certificate not trusted</source>
        <translation>证书不受信任</translation>
    </message>
    <message>
        <source>not logged in</source>
        <translation>未登录</translation>
    </message>
    <message>
        <source>offline, again in {0} s</source>
        <translation>离线，{0} 秒后重试</translation>
    </message>
    <message>
        <source>not connected</source>
        <translation>未连接</translation>
    </message>
    <message>
        <source>This computer</source>
        <translation>这台电脑</translation>
    </message>
    <message>
        <source>Ask whoever runs it for the address. You log in after that.</source>
        <translation>地址请向服务器的管理者索取，连接后再登录。</translation>
    </message>
    <message>
        <source>Add a server</source>
        <translation>添加服务器</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>连接</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Name (optional)</source>
        <translation>名称（可选）</translation>
    </message>
    <message>
        <source>A name like chat.example.org, or an address with a port like 192.168.1.20:8765.</source>
        <translation>可以是 chat.example.org 这样的域名，也可以是 192.168.1.20:8765 这样带端口的地址。</translation>
    </message>
    <message>
        <source>This is no address of a server. For example: chat.example.org</source>
        <translation>这不是服务器地址。例如：chat.example.org</translation>
    </message>
    <message>
        <source>You have this server already: it will be shown.</source>
        <translation>这个服务器已经添加过，将直接切换过去。</translation>
    </message>
    <message>
        <source>{0}, not encrypted: whoever is on the way can read what you write, and your password.</source>
        <translation>{0}，未加密：传输途中的任何人都能看到你的消息和密码。</translation>
    </message>
    <message>
        <source>{0}, encrypted</source>
        <translation>{0}，已加密</translation>
    </message>
    <message>
        <source>{0}, on this computer</source>
        <translation>{0}，在这台电脑上</translation>
    </message>
    <message>
        <source>Rename server</source>
        <translation>重命名服务器</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>What you read there, drafts and the login are deleted from this computer. The server keeps everything.</source>
        <translation>这台电脑上保存的阅读内容、草稿和登录信息会被删除，服务器上的一切都会保留。</translation>
    </message>
    <message>
        <source>What was not sent yet ({0}) is lost.</source>
        <translation>尚未发送的内容（{0} 条）将会丢失。</translation>
    </message>
    <message>
        <source>Remove {0}?</source>
        <translation>移除“{0}”？</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>There is no connection to the server: it cannot be exported now.</source>
        <translation>没有连接到服务器，现在无法导出。</translation>
    </message>
    <message>
        <source>The connection broke off: it was not exported.</source>
        <translation>连接中断，没有导出。</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>broke off</source>
        <translation>中断</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>being written</source>
        <translation>正在写</translation>
    </message>
    <message>
        <source>{0} ({1})</source>
        <translation>{0}（{1}）</translation>
    </message>
</context>
<context>
    <name>AddPersonaDialog</name>
    <message>
        <source>Edit persona</source>
        <translation>编辑人设</translation>
    </message>
    <message>
        <source>New persona</source>
        <translation>新建人设</translation>
    </message>
    <message>
        <source>Import card…</source>
        <translation>导入角色卡…</translation>
    </message>
    <message>
        <source>A character card: PNG, JSON or .charx. It can be dropped here too.</source>
        <translation>角色卡：PNG、JSON 或 .charx，也可以拖到这里。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Create</source>
        <translation>创建</translation>
    </message>
    <message>
        <source>Back to the fields</source>
        <translation>返回填写</translation>
    </message>
    <message>
        <source>Try it out</source>
        <translation>试聊</translation>
    </message>
    <message>
        <source>Make {0} what this card says?</source>
        <translation>把“{0}”改成这张卡片上的样子？</translation>
    </message>
    <message>
        <source>Its fields, its picture and its lorebook take the place of what {0} has, once you save.</source>
        <translation>保存后，卡片上的各项内容、图片和世界书会取代“{0}”现有的。</translation>
    </message>
    <message>
        <source>Use it here</source>
        <translation>用在这里</translation>
    </message>
    <message>
        <source>Make a new persona</source>
        <translation>新建人设</translation>
    </message>
    <message>
        <source>The card did not fit whole; shortened: {0}.</source>
        <translation>角色卡过长，已截短：{0}。</translation>
    </message>
    <message>
        <source>Character cards</source>
        <translation>角色卡</translation>
    </message>
    <message>
        <source>Import a character card</source>
        <translation>导入角色卡</translation>
    </message>
    <message>
        <source>What you wrote here is not saved yet.</source>
        <translation>这里写的内容还没有保存。</translation>
    </message>
    <message>
        <source>Leave without saving?</source>
        <translation>不保存就离开？</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>离开</translation>
    </message>
    <message>
        <source>Saved as soon as the connection is back.</source>
        <translation>恢复连接后立即保存。</translation>
    </message>
    <message>
        <source>Saving…</source>
        <translation>正在保存…</translation>
    </message>
</context>
<context>
    <name>Announcer</name>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>The answer broke off.</source>
        <translation>回答中断了。</translation>
    </message>
    <message>
        <source>Code.</source>
        <translation>代码。</translation>
    </message>
</context>
<context>
    <name>AnswerBody</name>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
</context>
<context>
    <name>AnswerRow</name>
    <message>
        <source>Next in line…</source>
        <translation>下一个就轮到…</translation>
    </message>
    <message>
        <source>Waiting in line, number {0}…</source>
        <translation>排队中，第 {0} 位…</translation>
    </message>
    <message>
        <source>Waiting for the answer, {0} s</source>
        <translation>等待回答，已 {0} 秒</translation>
    </message>
    <message>
        <source>No answer came.</source>
        <translation>没有收到回答。</translation>
    </message>
    <message>
        <source>The answer broke off before its end; what came is kept.</source>
        <translation>回答中途断开，已收到的内容已保留。</translation>
    </message>
    <message>
        <source>Stopped.</source>
        <translation>已停止。</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>重试</translation>
    </message>
</context>
<context>
    <name>AppMenu</name>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Keep running when the window closes</source>
        <translation>关闭窗口后继续运行</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
</context>
<context>
    <name>BranchSwitcher</name>
    <message>
        <source>Previous version</source>
        <translation>上一个版本</translation>
    </message>
    <message>
        <source>Next version</source>
        <translation>下一个版本</translation>
    </message>
    <message>
        <source>Version {0} of {1}</source>
        <translation>第 {0} 个版本，共 {1} 个</translation>
    </message>
</context>
<context>
    <name>CertificateCard</name>
    <message>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
    <message>
        <source>The certificate of {0} has changed</source>
        <translation>{0} 的证书已更改</translation>
    </message>
    <message>
        <source>Nothing was sent. If whoever runs the server renewed it, this is expected: ask them, and compare the fingerprint. If nobody did, somebody may stand between you and the server: do not trust it.</source>
        <translation>尚未发送任何内容。如果是服务器的管理者更换了证书，这是正常的：请向其核对指纹。如果没有人更换过，可能有人在你和服务器之间窃听：请不要信任。</translation>
    </message>
    <message>
        <source>Is this your server?</source>
        <translation>这是你的服务器吗？</translation>
    </message>
    <message>
        <source>{0} shows a certificate that this computer cannot check, so nothing was sent yet. Compare its fingerprint with what the service writes when it starts; if they are alike, it is your server.</source>
        <translation>{0} 出示的证书无法由这台电脑验证，因此尚未发送任何内容。请将指纹与服务启动时显示的指纹比对；如果一致，就是你的服务器。</translation>
    </message>
    <message>
        <source>Trusted until now (SHA-256)</source>
        <translation>此前信任的指纹（SHA-256）</translation>
    </message>
    <message>
        <source>Shown now (SHA-256)</source>
        <translation>现在出示的指纹（SHA-256）</translation>
    </message>
    <message>
        <source>Fingerprint (SHA-256)</source>
        <translation>指纹（SHA-256）</translation>
    </message>
    <message>
        <source>Made for {0}, by {1}, good until {2}.</source>
        <translation>签发给 {0}，签发者 {1}，有效期至 {2}。</translation>
    </message>
    <message>
        <source>Trust the new certificate</source>
        <translation>信任新证书</translation>
    </message>
    <message>
        <source>Trust this certificate</source>
        <translation>信任此证书</translation>
    </message>
</context>
<context>
    <name>CertificateDialog</name>
    <message>
        <source>Certificate</source>
        <translation>证书</translation>
    </message>
</context>
<context>
    <name>ChatAreaWidget</name>
    <message>
        <source>No keyring was found here, so this login holds until the app closes. To stay logged in, start it with --token-file or AICHAT_TOKEN.</source>
        <translation>这里没有找到密钥环，所以这次登录只在应用关闭前有效。要保持登录，请用 --token-file 或 AICHAT_TOKEN 启动。</translation>
    </message>
    <message>
        <source>{0} no longer shares this persona; you can read on.</source>
        <translation>{0} 不再共享这个人设，但你仍可以阅读。</translation>
    </message>
    <message>
        <source>Message {0}</source>
        <translation>发消息给 {0}</translation>
    </message>
</context>
<context>
    <name>ChatHeader</name>
    <message>
        <source>Personas</source>
        <translation>人设</translation>
    </message>
</context>
<context>
    <name>CodeView</name>
    <message>
        <source>Copy code</source>
        <translation>复制代码</translation>
    </message>
    <message>
        <source>code</source>
        <translation>代码</translation>
    </message>
    <message>
        <source>Code: {0}</source>
        <translation>代码：{0}</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>已复制</translation>
    </message>
</context>
<context>
    <name>CommandPalette</name>
    <message>
        <source>Command palette</source>
        <translation>命令面板</translation>
    </message>
    <message>
        <source>What do you want to do, whom to talk to, which conversation?</source>
        <translation>想做什么？和谁聊？找哪个对话？</translation>
    </message>
    <message>
        <source>Search commands, personas and conversations</source>
        <translation>搜索命令、人设和对话</translation>
    </message>
    <message>
        <source>What was found</source>
        <translation>搜索结果</translation>
    </message>
    <message>
        <source>Nothing of that name. Fewer letters find more.</source>
        <translation>没有找到。少输几个字试试。</translation>
    </message>
</context>
<context>
    <name>ComposerBar</name>
    <message>
        <source>Cancel (Esc)</source>
        <translation>取消 (Esc)</translation>
    </message>
    <message>
        <source>Editing: {0}</source>
        <translation>编辑：{0}</translation>
    </message>
    <message>
        <source>New branch after: {0}</source>
        <translation>在此之后另开分支：{0}</translation>
    </message>
</context>
<context>
    <name>ConnectionPage</name>
    <message>
        <source>Try now</source>
        <translation>立即重试</translation>
    </message>
    <message>
        <source>Another server…</source>
        <translation>其他服务器…</translation>
    </message>
    <message>
        <source>Log in</source>
        <translation>登录</translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation>未连接</translation>
    </message>
    <message>
        <source>The certificate of {0} is not trusted.</source>
        <translation>{0} 的证书不受信任。</translation>
    </message>
    <message>
        <source>No connection to the server</source>
        <translation>无法连接服务器</translation>
    </message>
    <message>
        <source>{0} does not speak TLS. If you trust the network in between, add it as ws://{0}</source>
        <translation>{0} 不使用 TLS。如果你信任途中的网络，请用 ws://{0} 添加。</translation>
    </message>
    <message>
        <source>Nothing answers at {0}. On this machine, &quot;twist aichat&quot; starts a server.</source>
        <translation>{0} 没有响应。要在本机启动服务，请运行 “twist aichat”。</translation>
    </message>
    <message>
        <source>{0} does not answer: {1}</source>
        <translation>{0} 没有应答：{1}</translation>
    </message>
    <message>
        <source>{0} does not answer.</source>
        <translation>{0} 没有响应。</translation>
    </message>
    <message>
        <source>Connecting…</source>
        <translation>正在连接…</translation>
    </message>
    <message>
        <source>Connect without a login</source>
        <translation>不登录直接连接</translation>
    </message>
</context>
<context>
    <name>ConversationHistoryWidget</name>
    <message>
        <source>New conversation (Ctrl+N)</source>
        <translation>新对话 (Ctrl+N)</translation>
    </message>
    <message>
        <source>Find in the conversation (Ctrl+F)</source>
        <translation>在对话中查找 (Ctrl+F)</translation>
    </message>
    <message>
        <source>More about this conversation</source>
        <translation>更多操作</translation>
    </message>
    <message>
        <source>&quot;{0}&quot; was deleted</source>
        <translation>已删除“{0}”</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>Export the conversation</source>
        <translation>导出对话</translation>
    </message>
    <message>
        <source>{0} could not be written: {1}</source>
        <translation>无法写入 {0}：{1}</translation>
    </message>
    <message>
        <source>{0} messages are in {1} now.</source>
        <translation>{0} 条消息已写入 {1}。</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Conversation: {0}. {1} in all</source>
        <translation>对话：{0}。共 {1} 个</translation>
    </message>
    <message>
        <source>Conversations</source>
        <translation>对话</translation>
    </message>
</context>
<context>
    <name>ConversationMenu</name>
    <message>
        <source>Rename</source>
        <translation>重命名</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>取消置顶</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Take out of the archive</source>
        <translation>取消归档</translation>
    </message>
    <message>
        <source>Archive</source>
        <translation>归档</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>New tag…</source>
        <translation>新标签…</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>As Markdown…</source>
        <translation>Markdown…</translation>
    </message>
    <message>
        <source>As JSON…</source>
        <translation>JSON…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>New tag</source>
        <translation>新标签</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
</context>
<context>
    <name>FilterBar</name>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>置顶</translation>
    </message>
    <message>
        <source>Archive</source>
        <translation>归档</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find in this conversation</source>
        <translation>在此对话中查找</translation>
    </message>
    <message>
        <source>Earlier (Enter)</source>
        <translation>上一个 (Enter)</translation>
    </message>
    <message>
        <source>Later (Shift+Enter)</source>
        <translation>下一个 (Shift+Enter)</translation>
    </message>
    <message>
        <source>Close (Esc)</source>
        <translation>关闭 (Esc)</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在查找…</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>没有找到</translation>
    </message>
    <message>
        <source>Message {0} of {1}</source>
        <translation>第 {0} 条，共 {1} 条</translation>
    </message>
</context>
<context>
    <name>HistoryPanel</name>
    <message>
        <source>Conversations</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Search all conversations</source>
        <translation>搜索全部对话</translation>
    </message>
    <message>
        <source>Ctrl+N</source>
        <translation>Ctrl+N</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>{0}, unread</source>
        <translation>{0}，未读</translation>
    </message>
    <message>
        <source>Nothing is archived.</source>
        <translation>没有归档的对话。</translation>
    </message>
    <message>
        <source>No conversation yet. What you say first begins one.</source>
        <translation>还没有对话。说出第一句话就会开始。</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message>
        <source>No title has these words. What was said is searched when the connection is back.</source>
        <translation>没有标题包含这些字。恢复连接后会搜索对话内容。</translation>
    </message>
    <message>
        <source>Nothing was said with these words.</source>
        <translation>没有找到包含这些字的内容。</translation>
    </message>
</context>
<context>
    <name>JumpPill</name>
    <message>
        <source>To the newest message</source>
        <translation>到最新消息</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新消息</translation>
    </message>
</context>
<context>
    <name>Link</name>
    <message>
        <source>The server did not answer in time.</source>
        <translation>服务器没有及时响应。</translation>
    </message>
    <message>
        <source>The token file cannot be read: {0}</source>
        <translation>无法读取令牌文件：{0}</translation>
    </message>
    <message>
        <source>The certificate of the server is not trusted.</source>
        <translation>服务器的证书不受信任。</translation>
    </message>
    <message>
        <source>The connection went silent.</source>
        <translation>连接没有响应。</translation>
    </message>
</context>
<context>
    <name>LoginForm</name>
    <message>
        <source>User name</source>
        <translation>用户名</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>密码</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>令牌</translation>
    </message>
    <message>
        <source>Stay logged in on this computer</source>
        <translation>在这台电脑上保持登录</translation>
    </message>
    <message>
        <source>Show what is typed</source>
        <translation>显示输入内容</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>连接</translation>
    </message>
    <message>
        <source>Log in</source>
        <translation>登录</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>请稍候…</translation>
    </message>
    <message>
        <source>Use name and password</source>
        <translation>使用用户名和密码</translation>
    </message>
    <message>
        <source>Use a token instead</source>
        <translation>改用令牌</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Edit persona…</source>
        <translation>编辑人设…</translation>
    </message>
    <message>
        <source>Delete persona…</source>
        <translation>删除人设…</translation>
    </message>
    <message>
        <source>Delete {0}?</source>
        <translation>删除 {0}？</translation>
    </message>
    <message>
        <source>The persona and all conversations with it will be gone for good.</source>
        <translation>这个人设及其所有对话将被永久删除。</translation>
    </message>
    <message>
        <source>Log out?</source>
        <translation>退出登录？</translation>
    </message>
    <message>
        <source>What was not sent yet ({0}) is lost.</source>
        <translation>尚未发送的内容（{0} 条）将会丢失。</translation>
    </message>
    <message>
        <source>Log out</source>
        <translation>退出登录</translation>
    </message>
</context>
<context>
    <name>MessageDisplayWidget</name>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Loading the conversation…</source>
        <translation>正在加载对话…</translation>
    </message>
    <message>
        <source>Opens when the connection is back.</source>
        <translation>恢复连接后打开。</translation>
    </message>
</context>
<context>
    <name>MessageInputWidget</name>
    <message>
        <source>Message</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Stop the answer (Esc)</source>
        <translation>停止回答 (Esc)</translation>
    </message>
    <message>
        <source>Send (Enter)</source>
        <translation>发送 (Enter)</translation>
    </message>
    <message>
        <source>Send after this answer (Enter)</source>
        <translation>在这次回答之后发送 (Enter)</translation>
    </message>
    <message>
        <source>Stop (Esc)</source>
        <translation>停止 (Esc)</translation>
    </message>
    <message>
        <source>{0} characters too long to be sent.</source>
        <translation>超出 {0} 个字符，无法发送。</translation>
    </message>
</context>
<context>
    <name>ModelChoice</name>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Name of the model, as its service calls it</source>
        <translation>模型名称，按其服务的叫法</translation>
    </message>
    <message>
        <source>Name of another model</source>
        <translation>另一个模型的名称</translation>
    </message>
    <message>
        <source>Only an owner chooses the model on this server.</source>
        <translation>在这台服务器上只有所有者可以选择模型。</translation>
    </message>
    <message>
        <source>the bridge&apos;s own</source>
        <translation>桥接自带</translation>
    </message>
    <message>
        <source>The server&apos;s choice</source>
        <translation>服务器默认</translation>
    </message>
    <message>
        <source>its own model</source>
        <translation>自带模型</translation>
    </message>
    <message>
        <source>Another model…</source>
        <translation>其他模型…</translation>
    </message>
</context>
<context>
    <name>NoPersona</name>
    <message>
        <source>No personas yet</source>
        <translation>还没有人设</translation>
    </message>
    <message>
        <source>A persona is who you talk to: a name, and a few lines on who it is and how it speaks.</source>
        <translation>人设就是你聊天的对象：一个名字，加上几行字，说明它是谁、怎样说话。</translation>
    </message>
    <message>
        <source>Create the first persona</source>
        <translation>创建第一个人设</translation>
    </message>
</context>
<context>
    <name>OfflineLine</name>
    <message>
        <source>Try now</source>
        <translation>立即重试</translation>
    </message>
    <message>
        <source>Look at it…</source>
        <translation>查看…</translation>
    </message>
    <message>
        <source>No connection, {0}</source>
        <translation>连接已断开，{0}</translation>
    </message>
    <message>
        <source>The server&apos;s certificate has changed. Not connected.</source>
        <translation>服务器的证书已更改，未连接。</translation>
    </message>
    <message>
        <source>The server&apos;s certificate cannot be checked. Not connected.</source>
        <translation>服务器的证书无法验证，未连接。</translation>
    </message>
</context>
<context>
    <name>OwnRow</name>
    <message>
        <source>Your message</source>
        <translation>你的消息</translation>
    </message>
    <message>
        <source>goes out when the answer is finished</source>
        <translation>回答结束后发送</translation>
    </message>
    <message>
        <source>goes out when the connection is back</source>
        <translation>恢复连接后发送</translation>
    </message>
    <message>
        <source>sending</source>
        <translation>正在发送</translation>
    </message>
    <message>
        <source>You: {0}</source>
        <translation>你：{0}</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
</context>
<context>
    <name>PersonaFiles</name>
    <message>
        <source>{0} (copy)</source>
        <translation>{0}（副本）</translation>
    </message>
    <message>
        <source>Character cards</source>
        <translation>角色卡</translation>
    </message>
    <message>
        <source>Import a character card</source>
        <translation>导入角色卡</translation>
    </message>
    <message>
        <source>{0} could not be read: {1}</source>
        <translation>无法读取 {0}：{1}</translation>
    </message>
    <message>
        <source>Export as a character card</source>
        <translation>导出为角色卡</translation>
    </message>
    <message>
        <source>Character card (*.png)</source>
        <translation>角色卡 (*.png)</translation>
    </message>
    <message>
        <source>{0} could not be written: {1}</source>
        <translation>无法写入 {0}：{1}</translation>
    </message>
    <message>
        <source>{0} is a card now: {1}</source>
        <translation>{0} 已导出为角色卡：{1}</translation>
    </message>
</context>
<context>
    <name>PersonaForm</name>
    <message>
        <source>Picture: drag it or use the arrow keys; + and - zoom</source>
        <translation>头像：拖动或用方向键移动，+ 和 - 缩放</translation>
    </message>
    <message>
        <source>Choose picture…</source>
        <translation>选择图片…</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Zoom</source>
        <translation>缩放</translation>
    </message>
    <message>
        <source>How the persona is called</source>
        <translation>人设的名字</translation>
    </message>
    <message>
        <source>Who it is, what it knows, how it speaks: &quot;You are …&quot;</source>
        <translation>它是谁、懂什么、怎样说话：“你是……”</translation>
    </message>
    <message>
        <source>What it says before the first message</source>
        <translation>对话开始前它先说的话</translation>
    </message>
    <message>
        <source>One question a line</source>
        <translation>每行一个问题</translation>
    </message>
    <message>
        <source>Share with all users</source>
        <translation>与所有用户共享</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Greeting (optional)</source>
        <translation>开场白（可选）</translation>
    </message>
    <message>
        <source>Questions to begin with (optional)</source>
        <translation>开场问题（可选）</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>They chat with it in conversations of their own, and cannot change it.</source>
        <translation>其他人在自己的对话中与它聊天，但不能修改它。</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名字</translation>
    </message>
    <message>
        <source>Insert:</source>
        <translation>插入：</translation>
    </message>
    <message>
        <source>the persona&apos;s name</source>
        <translation>人设的名字</translation>
    </message>
    <message>
        <source>who talks to it</source>
        <translation>对话者的名字</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Choose a picture</source>
        <translation>选择图片</translation>
    </message>
    <message>
        <source>This file is no picture that can be used.</source>
        <translation>这个文件不是可用的图片。</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>更换…</translation>
    </message>
    <message>
        <source>Drag the picture; the wheel zooms. What is in the circle is what all see.</source>
        <translation>拖动图片，滚轮缩放。圆圈内就是大家看到的头像。</translation>
    </message>
    <message>
        <source>PNG, JPEG, GIF or WebP, or drop one here. Without one, this is its avatar.</source>
        <translation>PNG、JPEG、GIF 或 WebP，也可以拖到这里。没有图片时就用这个头像。</translation>
    </message>
    <message>
        <source>Nobody fills in {0}: it stays as it stands.</source>
        <translation>{0} 不会被替换，会原样保留。</translation>
    </message>
    <message>
        <source>Persona</source>
        <translation>人设</translation>
    </message>
    <message>
        <source>At most {0} questions of {1} characters.</source>
        <translation>最多 {0} 个问题，每个不超过 {1} 个字符。</translation>
    </message>
    <message>
        <source>Give the persona a name.</source>
        <translation>请给人设取个名字。</translation>
    </message>
    <message>
        <source>At most {0} characters.</source>
        <translation>最多 {0} 个字符。</translation>
    </message>
    <message>
        <source>Say who the persona is; one sentence will do.</source>
        <translation>请说明人设是谁，一句话就够。</translation>
    </message>
    <message>
        <source>{0} characters too long.</source>
        <translation>超出 {0} 个字符。</translation>
    </message>
</context>
<context>
    <name>PersonaItemWidget</name>
    <message>
        <source>shared by {0}</source>
        <translation>由 {0} 共享</translation>
    </message>
    <message>
        <source>{0} unread</source>
        <translation>{0} 个未读</translation>
    </message>
    <message>
        <source>writing…</source>
        <translation>正在输入…</translation>
    </message>
</context>
<context>
    <name>PersonaListWidget</name>
    <message>
        <source>Search personas</source>
        <translation>搜索人设</translation>
    </message>
    <message>
        <source>Personas</source>
        <translation>人设</translation>
    </message>
    <message>
        <source>No persona of that name.</source>
        <translation>没有这个名字的人设。</translation>
    </message>
    <message>
        <source>New persona</source>
        <translation>新建人设</translation>
    </message>
    <message>
        <source>Settings and more (F10)</source>
        <translation>设置与更多 (F10)</translation>
    </message>
    <message>
        <source>Edit…</source>
        <translation>编辑…</translation>
    </message>
    <message>
        <source>Duplicate…</source>
        <translation>复制…</translation>
    </message>
    <message>
        <source>Share with all users</source>
        <translation>与所有用户共享</translation>
    </message>
    <message>
        <source>Export as card…</source>
        <translation>导出为角色卡…</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <source>New persona…</source>
        <translation>新建人设…</translation>
    </message>
    <message>
        <source>Import card…</source>
        <translation>导入角色卡…</translation>
    </message>
</context>
<context>
    <name>PersonaWelcome</name>
    <message>
        <source>Say something to begin.</source>
        <translation>说点什么，开始聊天吧。</translation>
    </message>
    <message>
        <source>Ask: {0}</source>
        <translation>提问：{0}</translation>
    </message>
</context>
<context>
    <name>QuickAsk</name>
    <message>
        <source>Quick question</source>
        <translation>快速提问</translation>
    </message>
    <message>
        <source>Open in the main window (Ctrl+O)</source>
        <translation>在主窗口中打开 (Ctrl+O)</translation>
    </message>
    <message>
        <source>Ask as soon as the connection is there</source>
        <translation>连接后即可提问</translation>
    </message>
    <message>
        <source>Whom to ask: {0}</source>
        <translation>提问对象：{0}</translation>
    </message>
    <message>
        <source>Ask {0}</source>
        <translation>问 {0}</translation>
    </message>
</context>
<context>
    <name>Row</name>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
</context>
<context>
    <name>RowDelegate</name>
    <message>
        <source>Title of the conversation</source>
        <translation>对话标题</translation>
    </message>
</context>
<context>
    <name>ServerCorner</name>
    <message>
        <source>connected as {0}</source>
        <translation>已连接：{0}</translation>
    </message>
    <message>
        <source>offline, {0} to send</source>
        <translation>离线，{0} 条待发送</translation>
    </message>
    <message>
        <source>Server {0}: {1}</source>
        <translation>服务器 {0}：{1}</translation>
    </message>
    <message>
        <source>Add a server…</source>
        <translation>添加服务器…</translation>
    </message>
    <message>
        <source>Rename this server…</source>
        <translation>重命名此服务器…</translation>
    </message>
    <message>
        <source>Remove this server…</source>
        <translation>移除此服务器…</translation>
    </message>
    <message>
        <source>Not sent yet ({0})…</source>
        <translation>尚未发送（{0}）…</translation>
    </message>
    <message>
        <source>Try to connect now</source>
        <translation>立即连接</translation>
    </message>
    <message>
        <source>Log out…</source>
        <translation>退出登录…</translation>
    </message>
    <message>
        <source>Log in as another user…</source>
        <translation>以其他用户登录…</translation>
    </message>
</context>
<context>
    <name>ShortcutsSheet</name>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>TemperatureChoice</name>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>重置</translation>
    </message>
    <message>
        <source>the model&apos;s own</source>
        <translation>模型默认</translation>
    </message>
    <message>
        <source>sober</source>
        <translation>严谨</translation>
    </message>
    <message>
        <source>balanced</source>
        <translation>平衡</translation>
    </message>
    <message>
        <source>daring</source>
        <translation>奔放</translation>
    </message>
</context>
<context>
    <name>ThoughtsWidget</name>
    <message>
        <source>Thought for {0}</source>
        <translation>思考了 {0}</translation>
    </message>
    <message>
        <source>Thoughts</source>
        <translation>思考过程</translation>
    </message>
    <message>
        <source>Thinking…</source>
        <translation>正在思考…</translation>
    </message>
    <message>
        <source>Thinking, {0}</source>
        <translation>思考中，{0}</translation>
    </message>
    <message>
        <source>Hide thoughts</source>
        <translation>收起思考过程</translation>
    </message>
    <message>
        <source>Show thoughts: {0}</source>
        <translation>展开思考过程：{0}</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Show aichat</source>
        <translation>显示 aichat</translation>
    </message>
    <message>
        <source>Quick question</source>
        <translation>快速提问</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>新对话</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>aichat: {0} not seen yet</source>
        <translation>aichat：{0} 条未读</translation>
    </message>
</context>
<context>
    <name>Trial</name>
    <message>
        <source>There is no connection to the server.</source>
        <translation>没有连接到服务器。</translation>
    </message>
    <message>
        <source>The connection broke off.</source>
        <translation>连接中断了。</translation>
    </message>
</context>
<context>
    <name>TrialWidget</name>
    <message>
        <source>Try it out</source>
        <translation>试聊</translation>
    </message>
    <message>
        <source>Answer the last message anew</source>
        <translation>重新回答最后一条消息</translation>
    </message>
    <message>
        <source>Begin anew</source>
        <translation>重新开始</translation>
    </message>
    <message>
        <source>Talk with the persona as it is written now. Nothing of this is saved or goes into the history.</source>
        <translation>和正在编写的人设对话。内容不会保存，也不会进入历史。</translation>
    </message>
    <message>
        <source>Say something to it</source>
        <translation>对它说点什么</translation>
    </message>
    <message>
        <source>Message of the test chat</source>
        <translation>试聊的消息</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>发送</translation>
    </message>
    <message>
        <source>writing…</source>
        <translation>正在输入…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
</context>
<context>
    <name>UndoBar</name>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
</context>
<context>
    <name>UnsentDialog</name>
    <message>
        <source>Not sent yet</source>
        <translation>尚未发送</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>Everything is sent.</source>
        <translation>全部已发送。</translation>
    </message>
    <message>
        <source>The server did not take these.</source>
        <translation>服务器没有接受以下内容。</translation>
    </message>
    <message>
        <source>These go out, in this order, when the connection is back.</source>
        <translation>恢复连接后将按此顺序发送。</translation>
    </message>
    <message>
        <source>Say it in a new conversation</source>
        <translation>在新对话中发送</translation>
    </message>
    <message>
        <source>Send again</source>
        <translation>重新发送</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>丢弃</translation>
    </message>
    <message>
        <source>a persona that is gone</source>
        <translation>已删除的人设</translation>
    </message>
    <message>
        <source>To {0}, in a conversation that is gone</source>
        <translation>发给 {0}，对话已删除</translation>
    </message>
    <message>
        <source>To {0}, in “{1}”</source>
        <translation>发给 {0}，对话“{1}”</translation>
    </message>
    <message>
        <source>To {0}</source>
        <translation>发给 {0}</translation>
    </message>
    <message>
        <source>Changes of the persona {0}</source>
        <translation>对人设“{0}”的更改</translation>
    </message>
    <message>
        <source>A conversation&apos;s new title: {0}</source>
        <translation>对话的新标题：{0}</translation>
    </message>
    <message>
        <source>A deletion</source>
        <translation>一项删除</translation>
    </message>
    <message>
        <source>Another change</source>
        <translation>其他更改</translation>
    </message>
</context>
<context>
    <name>failures</name>
    <message>
        <source>The frame or body is not valid: not JSON, a wrong type, a missing field.</source>
        <translation>数据无效：不是 JSON、类型不对或缺少字段。</translation>
    </message>
    <message>
        <source>The frame&apos;s `type` is not one that this server knows.</source>
        <translation>服务器不认识这种 `type`。</translation>
    </message>
    <message>
        <source>The frame, body or field is over its size limit.</source>
        <translation>数据超过了大小限制。</translation>
    </message>
    <message>
        <source>The JSON is nested too deeply.</source>
        <translation>JSON 嵌套过深。</translation>
    </message>
    <message>
        <source>This frame belongs to the full protocol: send `hello` first.</source>
        <translation>这属于完整协议：请先发送 `hello`。</translation>
    </message>
    <message>
        <source>A `hello` was sent on a connection that has one already.</source>
        <translation>这个连接已经发送过 `hello`。</translation>
    </message>
    <message>
        <source>The protocol version asked for is not spoken here.</source>
        <translation>服务器不支持所要求的协议版本。</translation>
    </message>
    <message>
        <source>This `request_id` was used before with another body.</source>
        <translation>这个 `request_id` 已用于其他内容。</translation>
    </message>
    <message>
        <source>No such persona, conversation, message or page, or it is not yours.</source>
        <translation>没有这个人设、对话、消息或页面，或者它不属于你。</translation>
    </message>
    <message>
        <source>This address does not answer that HTTP method.</source>
        <translation>这个地址不接受该 HTTP 方法。</translation>
    </message>
    <message>
        <source>The present state does not allow this.</source>
        <translation>当前状态不允许这样做。</translation>
    </message>
    <message>
        <source>An answer is already being written in this conversation.</source>
        <translation>这个对话中已经有一条回答正在生成。</translation>
    </message>
    <message>
        <source>A valid token is needed and was not given.</source>
        <translation>需要有效的令牌，但没有提供。</translation>
    </message>
    <message>
        <source>The Origin, the Host or the role does not allow this.</source>
        <translation>来源、主机或角色不允许这样做。</translation>
    </message>
    <message>
        <source>Too many requests: wait a little.</source>
        <translation>请求太多，请稍候。</translation>
    </message>
    <message>
        <source>The model service could not be reached.</source>
        <translation>无法连接模型服务。</translation>
    </message>
    <message>
        <source>The model service refused the API key.</source>
        <translation>模型服务拒绝了 API 密钥。</translation>
    </message>
    <message>
        <source>The model service says the account has no balance left.</source>
        <translation>模型服务提示账户余额不足。</translation>
    </message>
    <message>
        <source>The model service asks to slow down.</source>
        <translation>模型服务要求放慢请求速度。</translation>
    </message>
    <message>
        <source>The model service failed or is overloaded.</source>
        <translation>模型服务出错或过载。</translation>
    </message>
    <message>
        <source>The model service did not accept the request.</source>
        <translation>模型服务没有接受请求。</translation>
    </message>
    <message>
        <source>The model service sent something that is not a chat answer.</source>
        <translation>模型服务返回的内容不是聊天回答。</translation>
    </message>
    <message>
        <source>The model service did not answer in time.</source>
        <translation>模型服务没有及时响应。</translation>
    </message>
    <message>
        <source>The answer broke off before its end; what came is kept.</source>
        <translation>回答中途断开，已收到的内容已保留。</translation>
    </message>
    <message>
        <source>The model reached its limit of length; what came is kept.</source>
        <translation>回答达到模型的长度上限，已收到的内容已保留。</translation>
    </message>
    <message>
        <source>The model service&apos;s filter broke the answer off; what came is kept.</source>
        <translation>模型服务的过滤器中断了回答，已收到的内容已保留。</translation>
    </message>
    <message>
        <source>The conversation is longer than the model can read.</source>
        <translation>对话超过了模型能读取的长度。</translation>
    </message>
    <message>
        <source>The embedded model is missing or did not start.</source>
        <translation>内置模型不存在或没有启动。</translation>
    </message>
    <message>
        <source>The AI bridge could not be reached.</source>
        <translation>无法连接 AI 桥接服务。</translation>
    </message>
    <message>
        <source>The database refused the write: nothing was saved.</source>
        <translation>数据库拒绝写入，没有保存任何内容。</translation>
    </message>
    <message>
        <source>The server is stopping: try again in a moment.</source>
        <translation>服务器正在停止，请稍后再试。</translation>
    </message>
    <message>
        <source>A fault in the server; it is in the server&apos;s log.</source>
        <translation>服务器内部出错，详情见服务器日志。</translation>
    </message>
    <message>
        <source>The name or the password is wrong.</source>
        <translation>用户名或密码不对。</translation>
    </message>
    <message>
        <source>This token is not known here (any more).</source>
        <translation>服务器不认识这个令牌，它可能已失效。</translation>
    </message>
    <message>
        <source>This server wants a token or a login; its owner finds a token in owner.token.</source>
        <translation>请登录或使用令牌；所有者的令牌在 owner.token 文件里。</translation>
    </message>
    <message>
        <source>Too many people log in at once: try again in a moment.</source>
        <translation>同时登录的人太多，请稍后再试。</translation>
    </message>
    <message>
        <source>{0} has {1} connections open already.</source>
        <translation>{0} 已有 {1} 个连接。</translation>
    </message>
    <message>
        <source>That is too often: try again in {0} s.</source>
        <translation>操作太频繁，请在 {0} 秒后再试。</translation>
    </message>
    <message>
        <source>{0} belongs to {1}, who alone can change it.</source>
        <translation>“{0}”属于 {1}，只有对方可以修改。</translation>
    </message>
    <message>
        <source>{0} does not share {1} any more; you can read on.</source>
        <translation>{0} 不再共享“{1}”；已有的对话仍可阅读。</translation>
    </message>
    <message>
        <source>Only an owner chooses `model`, `provider` and `fallback` here: leave them out.</source>
        <translation>这台服务器上只有所有者可以选择模型和服务商。</translation>
    </message>
    <message>
        <source>There is no persona {0} here.</source>
        <translation>这里没有人设 {0}。</translation>
    </message>
    <message>
        <source>There is no conversation {0} here.</source>
        <translation>这里没有对话 {0}。</translation>
    </message>
    <message>
        <source>There is no message {0} in this conversation.</source>
        <translation>这个对话中没有消息 {0}。</translation>
    </message>
    <message>
        <source>That conversation is with another persona.</source>
        <translation>那个对话属于另一个人设。</translation>
    </message>
    <message>
        <source>That conversation is not deleted.</source>
        <translation>那个对话没有被删除。</translation>
    </message>
    <message>
        <source>That message was deleted.</source>
        <translation>那条消息已被删除。</translation>
    </message>
    <message>
        <source>This answer was deleted while it was being written.</source>
        <translation>这条回答在生成过程中被删除了。</translation>
    </message>
    <message>
        <source>An answer is being written in this conversation: stop it, or wait for its end.</source>
        <translation>这个对话中正在生成回答：请停止它，或等它结束。</translation>
    </message>
    <message>
        <source>Another message is the last one in this conversation by now.</source>
        <translation>这个对话中已有更新的消息。</translation>
    </message>
    <message>
        <source>That answer is whole.</source>
        <translation>那条回答已经完整。</translation>
    </message>
    <message>
        <source>There is no text to go on with: have it answered anew.</source>
        <translation>没有可以继续的内容：请重新回答。</translation>
    </message>
    <message>
        <source>{0} of your questions are not answered yet: wait for some of them.</source>
        <translation>你还有 {0} 个问题没有得到回答，请先等待。</translation>
    </message>
    <message>
        <source>The model service at {0} could not be reached: {1}</source>
        <translation>无法连接 {0} 的模型服务：{1}</translation>
    </message>
    <message>
        <source>The model service at {0} broke off: {1}</source>
        <translation>{0} 的模型服务中断了连接：{1}</translation>
    </message>
    <message>
        <source>The model finished without a word. Try again, or ask in another way.</source>
        <translation>模型没有给出任何内容。请重试，或换一种问法。</translation>
    </message>
    <message>
        <source>The embedded model stopped in the middle of the answer; it starts anew with the next message.</source>
        <translation>内置模型在回答途中停止了；发送下一条消息时会重新启动。</translation>
    </message>
    <message>
        <source>The model {0} is not here yet. Fetch it with: {1}</source>
        <translation>还没有模型 {0}。用这条命令下载：{1}</translation>
    </message>
    <message>
        <source>There is no character in that picture.</source>
        <translation>这张图片里没有角色。</translation>
    </message>
    <message>
        <source>The character in that picture is damaged.</source>
        <translation>这张图片里的角色数据已损坏。</translation>
    </message>
    <message>
        <source>That is no character card.</source>
        <translation>这不是角色卡。</translation>
    </message>
    <message>
        <source>That is no character card: its text is not JSON.</source>
        <translation>这不是角色卡：内容不是 JSON。</translation>
    </message>
    <message>
        <source>That is no character card: it has no name, or nothing but one.</source>
        <translation>这不是角色卡：没有名字，或者只有名字。</translation>
    </message>
    <message>
        <source>There is no card.json in that file.</source>
        <translation>文件里没有 card.json。</translation>
    </message>
    <message>
        <source>That .charx is damaged.</source>
        <translation>这个 .charx 文件已损坏。</translation>
    </message>
</context>
<context>
    <name>render</name>
    <message>
        <source>picture</source>
        <translation>图片</translation>
    </message>
</context>
</TS>
