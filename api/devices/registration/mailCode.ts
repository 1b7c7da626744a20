import type { Clock } from "../../../core/clock";
import type { CodeOf } from "./codes";
import type { EmailChallengeStore } from "./store";
import { codeWording } from "./wording";

export interface MailCodeDeps {
  challenges: EmailChallengeStore;
  codeOf: CodeOf;
  clock: Clock;
  /** Hands a message over; false when it never will be: there is no mail server, or it refuses the message for good. */
  sendMail(mail: {
    id: string;
    to: { name: string; address: string };
    wording: { subject: string; paragraphs: string[] };
  }): Promise<boolean>;
}

/**
 * Mails the code of a challenge, computed anew. It may be mailed twice where nobody knows whether the mail server took
 * it: it is the same code.
 *
 * @throws TransientError when another try may help
 */
export async function mailCode(deps: MailCodeDeps, challengeId: string): Promise<void> {
  const { challenges, codeOf, clock } = deps;
  const challenge = await challenges.find(challengeId);
  if (challenge === null) return;
  if (challenge.expiresAt > clock.now() && challenge.registration === null) {
    const wording = codeWording(await codeOf(challengeId));
    // Without a name: the mail is the same whether its address has an account.
    await deps.sendMail({ id: `code-${challengeId}`, to: { name: "", address: challenge.email }, wording });
  }
  await challenges.endSending(challengeId);
}
