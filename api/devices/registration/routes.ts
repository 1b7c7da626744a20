import { addressKey } from "../../../core/addressBudget";
import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { confirmEmailCode, type ConfirmCodeDeps, sendEmailCode, type SendCodeDeps } from "./actions";
import { CONFIRM_LIMIT, MAX_ATTEMPTS, SEND_LIMIT } from "./rules";
import { confirmCodeBody, confirmCodeReply, sendCodeBody, sendCodeReply } from "./schemas";

const TAG = "Devices";

export type RegistrationDeps = SendCodeDeps & ConfirmCodeDeps & { config: Pick<Context["config"], "sessions"> };

const CONFIRM_REJECTIONS: RejectionDescription[] = [
  { code: "key.malformed", kind: "invalid", meaning: "public_key is not the canonical encoding of a point." },
  { code: "key.weak", kind: "invalid", meaning: "public_key is a point of small order, which protects nothing." },
  { code: "key.possession_unproven", kind: "invalid", meaning: "proof is not by this key for this challenge." },
  {
    code: "email_code.wrong",
    kind: "unauthenticated",
    meaning: "The code is another one; `attemptsLeft` says how many attempts are left.",
  },
  { code: "email_code.unknown", kind: "not_found", meaning: "There is no such challenge." },
  { code: "email_code.expired", kind: "gone", meaning: "The code's 10 minutes are over: ask for a new one." },
  {
    code: "email_code.exhausted",
    kind: "gone",
    meaning: `${MAX_ATTEMPTS} attempts were made with other codes: ask for a new one.`,
  },
  { code: "email_code.used", kind: "conflict", meaning: "The code registered another key: ask for a new one." },
  {
    code: "account.password_needed",
    kind: "forbidden",
    meaning: "Nobody ever confirmed the account's address: give its password as well, or `reset: true`.",
  },
  { code: "password.wrong", kind: "forbidden", meaning: "The password given beside the code is wrong." },
  { code: "login.too_many", kind: "too_many", meaning: "Too many failed logins; Retry-After says how long to wait." },
  {
    code: "account.changed",
    kind: "conflict",
    meaning: "Password or account changed while the code was confirmed: ask for a new code.",
  },
];

/** Logging in a device by a code that is mailed, for the gateway to pass on. */
export function registrationEndpoints(deps: RegistrationDeps): Endpoint[] {
  const isLimited = deps.config.sessions.limitLogins;
  return [
    defineEndpoint({
      method: "post",
      path: "/api/v1/public/auth/send-email-code",
      port: "internal",
      tag: TAG,
      summary: "Mail a code to an e-mail address",
      description: "Answer and work are the same whether the address has an account. The code is valid for 10 minutes.",
      auth: "none",
      body: sendCodeBody,
      limit: isLimited ? { ...SEND_LIMIT, by: "address" } : undefined,
      replies: { 200: { description: "A code is on its way.", schema: sendCodeReply } },
      rejections: [
        {
          code: "request.too_many",
          kind: "too_many",
          meaning: "Too many codes were sent to this e-mail address; Retry-After says when to come back.",
        },
        { code: "email_code.unavailable", kind: "not_implemented", meaning: "No mail server is configured." },
      ],
      handle: async ({ body }) => {
        const { challengeId } = await sendEmailCode(deps, body);
        return { status: 200, body: { challenge_id: challengeId } };
      },
    }),
    defineEndpoint({
      method: "post",
      path: "/api/v1/public/auth/confirm-email-code",
      port: "internal",
      tag: TAG,
      summary: "Register a device by the code and a proof of its key",
      description:
        "Where the address has no account, one is opened, without a password. Repeating the same confirmation within the 10 minutes answers alike.",
      auth: "none",
      body: confirmCodeBody,
      limit: isLimited ? { ...CONFIRM_LIMIT, by: "address" } : undefined,
      replies: {
        200: { description: "The device is registered; its key signs from now on.", schema: confirmCodeReply },
      },
      rejections: CONFIRM_REJECTIONS,
      handle: async ({ body }, { ip }) => {
        const { deviceSessionId } = await confirmEmailCode(deps, {
          challengeId: body.challenge_id,
          code: body.code,
          publicKey: body.public_key,
          proof: body.proof,
          deviceName: body.device_name,
          password: body.password,
          reset: body.reset,
          address: addressKey(ip),
        });
        return { status: 200, body: { device_session_id: deviceSessionId } };
      },
    }),
  ];
}
