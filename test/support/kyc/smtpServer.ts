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

/** One connection, and what it has sent so far. */
interface Connection {
  socket: Socket;
  server: SmtpServer;
  received: string;
  /** Between DATA and the line with the dot. */
  isData: boolean;
  to: string[];
}

function serve(socket: Socket, server: SmtpServer): void {
  const connection: Connection = { socket, server, received: "", isData: false, to: [] };
  socket.write("220 mail.test ESMTP\r\n");
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    connection.received += chunk;
    for (;;) {
      const { received, isData } = connection;
      const end = received.indexOf(isData ? "\r\n.\r\n" : "\r\n");
      if (end < 0) return;
      const text = received.slice(0, end);
      connection.received = received.slice(end + (isData ? 5 : 2));
      const reply = isData ? endData(connection, text) : command(connection, text);
      if (reply !== null) socket.write(`${reply}\r\n`);
    }
  });
}

/** @returns the reply; null when the connection was ended instead */
function endData(connection: Connection, source: string): string | null {
  const { socket, server, to } = connection;
  connection.isData = false;
  switch (server.behaviour) {
    case "hangs_up_after_message":
      server.accepted.push({ to, source });
      socket.destroy();
      return null;
    case "refuses_message":
      return "554 5.6.0 not such a message";
    case "defers_message":
      return "451 4.3.0 not now";
    case "accepts":
    case "refuses_recipient":
      server.accepted.push({ to, source });
      return "250 2.0.0 accepted";
  }
}

/** @returns the reply; null when the connection was ended with it */
function command(connection: Connection, line: string): string | null {
  const { socket, server } = connection;
  const [verb = "", ...rest] = line.split(" ");
  switch (verb.toUpperCase()) {
    case "EHLO":
      return "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME";
    case "AUTH":
      server.logins.push(loginOf(rest[1] ?? ""));
      return "235 2.7.0 welcome";
    case "MAIL":
      connection.to = [];
      return "250 2.1.0 ok";
    case "RCPT":
      if (server.behaviour === "refuses_recipient") return "550 5.1.1 no such mailbox";
      connection.to.push(/<([^>]*)>/.exec(line)?.[1] ?? "");
      return "250 2.1.5 ok";
    case "DATA":
      connection.isData = true;
      return "354 go ahead";
    case "QUIT":
      socket.end("221 2.0.0 bye\r\n");
      return null;
    default:
      return "250 2.0.0 ok";
  }
}

/** The user in the initial response of AUTH PLAIN (RFC 4616). */
function loginOf(response: string): string {
  return Buffer.from(response, "base64").toString().split("\0")[1] ?? "";
}
