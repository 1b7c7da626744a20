import { toString as renderQr } from "qrcode";
import type { OAuthClient, ScopeDefinition } from "../clients/rules";
import type { OAuthSession, SessionStatus } from "../rules";
import { finishPath, pagePath, statusPath } from "./paths";
import { AUTO_RETURN_SECONDS, STATUS_TEXTS } from "./texts";

/** The page loads its own script and style and sends requests to this origin, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  // The address holds the client's state, and of a set-up session its nonce.
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
  "content-security-policy": POLICY,
};

/** Renders the page of a verification: who asks for what, the link and the QR code that open the wallet, and the status. */
export async function renderPage(options: {
  session: OAuthSession;
  client: Pick<OAuthClient, "name">;
  scopes: ScopeDefinition[];
  status: SessionStatus;
}): Promise<string> {
  const { session, client, scopes, status } = options;
  const { verificationId } = session;
  const name = escapeHtml(client.name);
  const { heading, text } = STATUS_TEXTS[status];
  const waiting = status === "authorized";
  const over = status === "verified" || status === "failed" || status === "expired";
  const asked = scopes.map(({ description }) => `<li>${escapeHtml(description)}</li>`).join("");
  const page = pagePath(verificationId);
  const finish = finishPath(verificationId);
  return frame(
    `${heading} - ${name}`,
    `<main data-status="${status}" data-follow="${statusPath(verificationId)}" data-page="${page}" data-finish="${finish}">
<h1 id="heading" tabindex="-1">${heading}</h1>
<p id="state" role="status" aria-live="polite">${text}</p>
<p><strong>${name}</strong> asks your wallet for proof:</p>
<ul class="asked">${asked}</ul>
<section id="wallet"${waiting ? "" : " hidden"}>${waiting ? await walletPart(session) : ""}</section>
<p id="on"${over ? "" : " hidden"}><a class="button" href="${finish}">Back to ${name}</a></p>
</main>
<script src="/oauth/assets/page.js"></script>`,
    withoutScript(status, { page, finish }),
  );
}

/** For browsers without scripts: reloads the page while it waits, and returns to the client as its text says. */
function withoutScript(status: SessionStatus, { page, finish }: { page: string; finish: string }): string {
  const seconds = AUTO_RETURN_SECONDS[status];
  const refresh = (content: string) => `<noscript><meta http-equiv="refresh" content="${content}"></noscript>`;
  if (status === "authorized") return refresh(`5;url=${page}`);
  return seconds === undefined ? "" : refresh(`${seconds};url=${finish}`);
}

async function walletPart({ deepLink, expiresAt }: OAuthSession): Promise<string> {
  const link = deepLink ?? "";
  const svg = await renderQr(link, { type: "svg", errorCorrectionLevel: "M", margin: 4 });
  // The picture needs a name for those who do not see it.
  const picture = svg.replace("<svg ", '<svg role="img" aria-label="QR code that opens the request in your wallet" ');
  const until = expiresAt.toISOString();
  return `
<div class="ways">
<p class="here"><a class="button" href="${escapeHtml(link)}">Open the wallet on this device</a></p>
<div class="there"><p>Wallet on your phone? Scan this code with it:</p><div class="code">${picture}</div></div>
</div>
<p class="fine">Only what is listed above is asked for. You decide in your wallet. The request is good until <time id="until" datetime="${until}">${until.slice(11, 16)} UTC</time>.</p>
`;
}

/** Renders a page that says what went wrong and what helps. It shows nothing of what the browser sent. */
export function renderErrorPage(error: { message: string; advice: string; requestId: string }): string {
  const [message, advice, requestId] = [error.message, error.advice, error.requestId].map(escapeHtml);
  return frame(
    "This does not work",
    `<main data-status="failed"><h1>This does not work</h1><p id="state" role="alert">${message}</p>${advice === "" ? "" : `<p>${advice}</p>`}<p class="fine">Request ${requestId}</p></main>`,
  );
}

function frame(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><link rel="stylesheet" href="/oauth/assets/page.css">${head}</head>
<body>
${body}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
