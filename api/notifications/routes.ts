import { createHash } from "node:crypto";
import { z } from "zod";
import { defineEndpoint, type Endpoint } from "../http/endpoint";
import { listMailbox, type MailboxMessage } from "./mailbox";

const TAG = "Development";

const STYLE = `
body{margin:0 auto;max-width:44rem;padding:2rem 1rem;font:16px/1.5 system-ui,sans-serif;color:#1c2330}
article{border:1px solid #d5d9e0;border-radius:.5rem;padding:1rem 1.2rem;margin:1rem 0}
h2{font-size:1.1rem;margin:0}
p{margin:.3rem 0;color:#556}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}
`;

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

const messagesReply = z.object({
  messages: z.array(
    z.object({ id: z.string(), to: z.string(), subject: z.string(), text: z.string(), sentAt: z.iso.datetime() }),
  ),
});

/** The mailbox folder, for a developer to look at. Mounted only where mail goes to a folder, which production refuses. */
export function mailboxEndpoints({ folder }: { folder: string }): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/dev/mailbox",
      tag: TAG,
      summary: "Mail that was sent on this machine, as a page",
      auth: "none",
      replies: { 200: { description: "The newest first.", mediaType: "text/html" } },
      handle: async () => ({ status: 200, headers: PAGE_HEADERS, body: renderPage(await listMailbox(folder)) }),
    }),
    defineEndpoint({
      method: "get",
      path: "/dev/mailbox/messages",
      tag: TAG,
      summary: "Mail that was sent on this machine",
      auth: "none",
      replies: { 200: { description: "The newest first.", schema: messagesReply } },
      handle: async () => ({ status: 200, body: { messages: await listMailbox(folder) } }),
    }),
  ];
}

function renderPage(messages: MailboxMessage[]): string {
  const articles = messages.map(
    ({ to, subject, text, sentAt }) =>
      `<article><h2>${escapeHtml(subject)}</h2><p>to ${escapeHtml(to)}, ${sentAt.toISOString()}</p><pre>${escapeHtml(text)}</pre></article>`,
  );
  const shown = articles.length === 0 ? "<p>Nothing was sent yet.</p>" : articles.join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mailbox</title><style>${STYLE}</style></head>
<body><h1>Mailbox</h1>${shown}</body></html>
`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
