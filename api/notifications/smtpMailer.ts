import { Readable } from "node:stream";
import MailComposer from "nodemailer/lib/mail-composer";
import SMTPConnection, { type SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import { messageOf, TransientError } from "../../core/errors";
import { type Mail, type Mailer, MailRejectedError, MailUncertainError } from "./mail";

const CONNECT_MS = 10_000;
const SILENCE_MS = 60_000;

/** The commit's answer when the message is to be held back. */
class HeldBack extends Error {}

/** What an SMTP server answered, when it did; such an answer is certain. */
interface SmtpError {
  responseCode?: number;
}

/**
 * Creates a mailer that speaks SMTP (RFC 5321): `smtps://` speaks TLS from the start, `smtp://` insists on STARTTLS
 * unless the server is this machine.
 *
 * SMTP has one moment that cannot be made safe from both sides: the server takes responsibility with its answer to the
 * final dot, and whoever dies before reading that answer does not know (RFC 1047). So `commit` is asked after the last
 * byte of the message and before the dot. What dies earlier was certainly not taken; what dies later is not sent again.
 */
export function createSmtpMailer(smtpUrl: string): Mailer {
  const { connection: options, credentials } = optionsOf(new URL(smtpUrl));
  return {
    idempotent: false,
    async send(mail, commit) {
      const message = await render(mail);
      const connection = new SMTPConnection(options);
      // A connection may fail once more after it has failed; an error event without a listener would end the process.
      connection.on("error", () => undefined);
      let isCommitted = false;
      try {
        await opened(connection);
        if (credentials !== undefined) await loggedIn(connection, credentials);
        await handedOver(connection, mail, message, async () => (isCommitted = await commit()));
        connection.quit();
        return true;
      } catch (error) {
        connection.close();
        if (error instanceof HeldBack) return false;
        throw verdictOn(error, isCommitted);
      }
    },
  };
}

function optionsOf(url: URL): {
  connection: SMTPConnectionOptions;
  credentials: { user: string; pass: string } | undefined;
} {
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isThisMachine = ["localhost", "127.0.0.1", "::1"].includes(host);
  const connection = {
    host,
    secure,
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    requireTLS: !secure && !isThisMachine,
    ignoreTLS: isThisMachine,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    // nodemailer skips loopback when it chooses an address family, where loopback is what was asked for.
    allowInternalNetworkInterfaces: isThisMachine,
  };
  if (url.username === "") return { connection, credentials: undefined };
  return {
    connection,
    credentials: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
  };
}

/** The message as it goes over the wire (RFC 5322). Its Message-ID names the notification, so that a trace finds it. */
async function render(mail: Mail): Promise<Buffer> {
  const domain = /@([A-Za-z0-9.-]+)/.exec(mail.from)?.[1] ?? "localhost";
  const { from, to, subject, text, sentAt: date } = mail;
  const headers = { "Auto-Submitted": "auto-generated" };
  return new MailComposer({ from, to, subject, text, date, messageId: `<${mail.id}@${domain}>`, headers })
    .compile()
    .build();
}

function opened(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once("error", reject);
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
}

function loggedIn(connection: SMTPConnection, credentials: { user: string; pass: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once("error", reject);
    connection.login({ ...credentials, credentials }, (error) => (error ? reject(error) : resolve()));
  });
}

function handedOver(
  connection: SMTPConnection,
  mail: Mail,
  message: Buffer,
  commit: () => Promise<boolean>,
): Promise<void> {
  // The connection pipes the stream once the server has agreed to take data; the stream's end sends the dot.
  const body = Readable.from(
    (async function* () {
      yield message;
      if (!(await commit())) throw new HeldBack();
    })(),
    { objectMode: false },
  );
  const envelope = { from: addressOf(mail.from), to: [mail.to.address] };
  return new Promise((resolve, reject) => {
    connection.once("error", reject);
    body.once("error", reject);
    connection.send(envelope, body, (error) => (error ? reject(error) : resolve()));
  });
}

function addressOf(mailbox: string): string {
  return /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox;
}

/** An answer of the server is certain; silence after the commit is not. Texts of servers may name people: they stay out. */
function verdictOn(error: unknown, isCommitted: boolean): Error {
  const { responseCode } = error as SmtpError;
  if (responseCode !== undefined && responseCode >= 500) {
    return new MailRejectedError(`The mail server refused the message for good, with ${responseCode}.`);
  }
  if (responseCode !== undefined) {
    return new TransientError("mail.deferred", `The mail server refused the message for now, with ${responseCode}.`);
  }
  if (isCommitted)
    return new MailUncertainError("The mail server was gone before it said whether it took the message.");
  if (error instanceof TransientError) return error;
  const code = (error as { code?: string }).code ?? messageOf(error);
  return new TransientError("mail.unreachable", `The mail server cannot be spoken with (${code}).`);
}
