import type { Wording } from "./wording";

/** One message to one person, complete. */
export interface Mail {
  /** The notification's id; the same for every attempt. */
  id: string;
  /** `Name <address>` or an address. */
  from: string;
  /** The name is empty where it is not known. */
  to: { name: string; address: string };
  subject: string;
  text: string;
  sentAt: Date;
}

/** Whether a message was given up by whoever should carry it: another try gives the same answer. */
export class MailRejectedError extends Error {
  override readonly name = "MailRejectedError";
}

/** Nobody can say whether the message was taken: the connection broke between the last byte and the answer. */
export class MailUncertainError extends Error {
  override readonly name = "MailUncertainError";
}

/** Carries mail away. */
export interface Mailer {
  /** True when sending one id twice delivers one message: then a send that was interrupted may simply be repeated. */
  readonly idempotent: boolean;
  /**
   * Hands a message over.
   *
   * @param commit asked at the last moment at which the message can still be held back; where it answers false, it is
   * @returns false when `commit` held it back
   * @throws MailRejectedError, MailUncertainError, or another error when the message was certainly not taken and may be later
   */
  send(mail: Mail, commit: () => Promise<boolean>): Promise<boolean>;
}

/** Puts a message together. */
export function composeMail(
  wording: Wording,
  deps: { id: string; from: string; to: { name: string; address: string }; sentAt: Date },
): Mail {
  const greeting = deps.to.name === "" ? "Hello," : `Hello ${oneLine(deps.to.name)},`;
  const text = `${[greeting, ...wording.paragraphs, "Cairn"].map(oneLine).join("\n\n")}\n`;
  return { ...deps, to: { ...deps.to, name: oneLine(deps.to.name) }, subject: oneLine(wording.subject), text };
}

/** Nothing that fills a message may begin a header or a line of its own. */
function oneLine(text: string): string {
  return text.replace(/[\p{Control}\u2028\u2029]+/gu, " ").trim();
}
