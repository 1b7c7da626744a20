import { type AddressInfo, createServer, type Socket } from "node:net";

/** A message that the server has accepted. */
export interface AcceptedMessage {
  to: string[];
  source: string;
}

/** How the server treats the next message. */
export type SmtpBehaviour =
  "accepts" | "refuses_recipient" | "refuses_message" | "defers_message" | "hangs_up_after_message";

export interface SmtpServer {
  url: string;
  behaviour: SmtpBehaviour;
  /** What it has accepted, in order. */
  accepted: AcceptedMessage[];
  /** Users that logged in. */
  logins: string[];
  close(): Promise<void>;
}

/** A small mail server: SMTP (RFC 5321) with AUTH PLAIN (RFC 4954), on loopback. */
export async function startSmtpServer(): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    serve(socket, server);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const server: SmtpServer = {
    url: `smtp://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    behaviour: "accepts",
    accepted: [],
    logins: [],
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        listener.close(() => resolve());
      }),
  };
  return server;
}

function serve(socket: Socket, server: SmtpServer): void {
  const reply = (line: string) => socket.write(`${line}\r\n`);
  let received = "";
  let isData = false;
  let to: string[] = [];
  reply("220 mail.test ESMTP");
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
    for (;;) {
      const end = received.indexOf(isData ? "\r\n.\r\n" : "\r\n");
      if (end < 0) return;
      const text = received.slice(0, end);
      received = received.slice(end + (isData ? 5 : 2));
      if (isData) endData(text);
      else command(text);
    }
  });

  function endData(source: string): void {
    isData = false;
    switch (server.behaviour) {
      case "hangs_up_after_message":
        server.accepted.push({ to, source });
        socket.destroy();
        return;
      case "refuses_message":
        return void reply("554 5.6.0 not such a message");
      case "defers_message":
        return void reply("451 4.3.0 not now");
      case "accepts":
      case "refuses_recipient":
        server.accepted.push({ to, source });
        return void reply("250 2.0.0 accepted");
    }
  }

  function command(line: string): void {
    const [verb = "", ...rest] = line.split(" ");
    switch (verb.toUpperCase()) {
      case "EHLO":
        return void socket.write("250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n");
      case "AUTH":
        server.logins.push(
          Buffer.from(rest[1] ?? "", "base64")
            .toString()
            .split("\0")[1] ?? "",
        );
        return void reply("235 2.7.0 welcome");
      case "MAIL":
        to = [];
        return void reply("250 2.1.0 ok");
      case "RCPT":
        if (server.behaviour === "refuses_recipient") return void reply("550 5.1.1 no such mailbox");
        to.push(/<([^>]*)>/.exec(line)?.[1] ?? "");
        return void reply("250 2.1.5 ok");
      case "DATA":
        isData = true;
        return void reply("354 go ahead");
      case "QUIT":
        reply("221 2.0.0 bye");
        return void socket.end();
      default:
        return void reply("250 2.0.0 ok");
    }
  }
}
