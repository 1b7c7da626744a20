import { link, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomId } from "../../core/crypto";
import type { Mail, Mailer } from "./mail";

/** A message in the mailbox folder. */
export interface MailboxMessage {
  id: string;
  to: string;
  subject: string;
  text: string;
  sentAt: Date;
}

const FILE = /^([A-Za-z0-9_-]{1,100})\.eml$/;
const LIST_LIMIT = 200;

/**
 * Creates a mailer that writes into a folder, a file a message, for a developer's machine. The files are messages with UTF-8 headers
 * (RFC 6532), which mail programs open.
 */
export function createMailboxMailer(folder: string): Mailer {
  return {
    idempotent: true,
    async send(mail, commit) {
      await mkdir(folder, { recursive: true });
      if (!(await commit())) return false;
      const draft = join(folder, `.${randomId()}.draft`);
      try {
        const file = await open(draft, "wx");
        await file.writeFile(render(mail));
        await file.sync();
        await file.close();
        // Unlike a rename, a link fails where the message is already there, whole: one id is one message.
        await link(draft, join(folder, `${mail.id}.eml`));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      } finally {
        await rm(draft, { force: true });
      }
      return true;
    },
  };
}

/** The messages in a mailbox folder, the newest first; at most 200. */
export async function listMailbox(folder: string): Promise<MailboxMessage[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const ids = names.flatMap((name) => FILE.exec(name)?.[1] ?? []);
  const messages = await Promise.all(
    ids.map(async (id) => parse(id, await readFile(join(folder, `${id}.eml`), "utf8"))),
  );
  return messages.sort((left, right) => right.sentAt.getTime() - left.sentAt.getTime()).slice(0, LIST_LIMIT);
}

function render(mail: Mail): string {
  const { from, to, subject, sentAt } = mail;
  const headers = [
    `From: ${from}`,
    `To: "${to.name.replace(/["\\]/g, "\\$&")}" <${to.address}>`,
    `Subject: ${subject}`,
    `Date: ${sentAt.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${mail.id}@mailbox.localhost>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  return `${headers.join("\r\n")}\r\n\r\n${mail.text.replaceAll("\n", "\r\n")}`;
}

function parse(id: string, source: string): MailboxMessage {
  const split = source.indexOf("\r\n\r\n");
  const headers = new Map(source.slice(0, split).split("\r\n").map(splitHeader));
  const sentAt = new Date(headers.get("date") ?? 0);
  const text = source.slice(split + 4).replaceAll("\r\n", "\n");
  return { id, to: headers.get("to") ?? "", subject: headers.get("subject") ?? "", text, sentAt };
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(": ");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
}
