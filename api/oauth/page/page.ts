import { escapeHtml, htmlPage, pageHeaders, qrPicture } from "../../http/htmlPage";
import type { OAuthClient, ScopeDefinition } from "../clients/rules";
import type { OAuthSession, SessionStatus } from "../rules";
import { assetPath, finishPath, pagePath, statusPath } from "./paths";
import { AUTO_RETURN_SECONDS, STATUS_TEXTS } from "./texts";

export const PAGE_HEADERS = pageHeaders({ formAction: "'none'" });

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
  return htmlPage({
    title: `${heading} - ${name}`,
    stylesheet: assetPath("page.css"),
    head: withoutScript(status, { page, finish }),
    body: `<main data-status="${status}" data-follow="${statusPath(verificationId)}" data-page="${page}" data-finish="${finish}">
<h1 id="heading" tabindex="-1">${heading}</h1>
<p id="state" role="status" aria-live="polite">${text}</p>
<p><strong>${name}</strong> asks your wallet for proof:</p>
<ul class="asked">${asked}</ul>
<section id="wallet"${waiting ? "" : " hidden"}>${waiting ? await walletPart(session) : ""}</section>
<p id="on"${over ? "" : " hidden"}><a class="button" href="${finish}">Back to ${name}</a></p>
</main>
<script src="${assetPath("page.js")}"></script>`,
  });
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
  const picture = await qrPicture(link);
  const until = expiresAt.toISOString();
  return `
<div class="ways">
<p class="here"><a class="button" href="${escapeHtml(link)}">Open the wallet on this device</a></p>
<div class="there"><p>Wallet on your phone? Scan this code with it:</p><div class="code">${picture}</div></div>
</div>
<p class="fine">Only what is listed above is asked for. You decide in your wallet. The request is good until <time id="until" datetime="${until}">${until.slice(11, 16)} UTC</time>.</p>
`;
}
