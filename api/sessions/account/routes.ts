import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { withoutSessionCookie } from "../../http/sessionReply";
import { type AccountDeps, eraseAccount, exportAccount, REMAINS, updateProfile } from "./actions";
import { erasureReply, exportReply, profileBody, profileReply } from "./schemas";

const TAG = "Account";

/** Exporting what is stored about a user, and erasing it. */
export function accountEndpoints(deps: AccountDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/auth/account/export",
      tag: TAG,
      summary: "Download everything that is stored about the user",
      auth: "session",
      limit: { name: "account-export", limit: 10, windowSeconds: 60 * 60, by: "user" },
      replies: { 200: { description: "One JSON file.", schema: exportReply } },
      handle: async ({ caller }) => {
        const { exportedAt, userId, data } = await exportAccount(deps, caller);
        return {
          status: 200,
          body: { exportedAt: exportedAt.toISOString(), userId, data },
          headers: {
            "content-disposition": `attachment; filename="cairn-${userId}.json"`,
            "cache-control": "no-store",
          },
        };
      },
    }),
    defineEndpoint({
      method: "patch",
      path: "/auth/profile",
      tag: TAG,
      summary: "Change the name one goes by",
      auth: "session",
      limit: { name: "profile-update", limit: 30, windowSeconds: 60 * 60, by: "user" },
      body: profileBody,
      replies: { 200: { description: "The account as it is now.", schema: profileReply } },
      handle: async ({ body, caller }) => ({
        status: 200,
        body: await updateProfile(deps, { userId: caller.userId, ...body }),
      }),
    }),
    defineEndpoint({
      method: "delete",
      path: "/auth/account",
      tag: TAG,
      summary: "Erase the account",
      description:
        "Final. Asks for a login, by password or wallet, within the last 5 minutes. All sessions end, wallets are unlinked, and the e-mail address may be registered anew at once.",
      auth: "session",
      replies: {
        202: { description: "The account is being erased, and nobody can log in any more.", schema: erasureReply },
      },
      rejections: [
        {
          code: "account.login_not_recent",
          kind: "forbidden",
          meaning: "The session is older than 5 minutes: log in again.",
        },
      ],
      handle: async ({ caller }) => {
        const { since } = await eraseAccount(deps, caller);
        const headers = caller.via === "cookie" ? withoutSessionCookie() : {};
        return { status: 202, headers, body: { status: "erasing", since: since.toISOString(), remains: REMAINS } };
      },
    }),
  ];
}
