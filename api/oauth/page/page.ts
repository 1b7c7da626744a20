import { toString as renderQr } from "qrcode";
import type { OAuthClient, OAuthSession, ScopeDefinition, SessionStatus } from "../rules";

/** What the page may do: load its own script and style, and ask this origin how things stand. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const COMMON_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  // The address holds the client's state, and of a set-up session its nonce.
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
};
export const PAGE_HEADERS = { ...COMMON_HEADERS, "content-security-policy": POLICY };
export const ERROR_PAGE_HEADERS = PAGE_HEADERS;

const WORDS: Record<SessionStatus, { heading: string; text: string }> = {
  pending: { heading: "One moment", text: "The request is being prepared." },
  authorized: { heading: "Show it with your wallet", text: "Waiting for your wallet …" },
  verified: { heading: "Verified", text: "Your wallet has answered. You are taken back now." },
  failed: {
    heading: "Not verified",
    text: "The verification failed, or was declined in the wallet. Nothing was confirmed. You are taken back in a few seconds.",
  },
  expired: { heading: "Time is up", text: "This request has expired. Go back and begin again." },
  completed: { heading: "Done", text: "This verification is complete. You may close this page." },
};

/** Where the browser goes by itself, and after how long: to be read before, and so that no one is left behind. */
const GOES_ON_AFTER_SECONDS: Partial<Record<SessionStatus, number>> = { verified: 0, failed: 8 };

/** The page of a verification: who asks, for what, the way into the wallet, and how it stands. */
export async function renderPage(options: {
  session: OAuthSession;
  client: Pick<OAuthClient, "name">;
  scopes: ScopeDefinition[];
  status: SessionStatus;
}): Promise<string> {
  const { session, client, scopes, status } = options;
  const id = encodeURIComponent(session.verificationId ?? "");
  const name = escapeHtml(client.name);
  const { heading, text } = WORDS[status];
  const waiting = status === "authorized";
  const over = status === "verified" || status === "failed" || status === "expired";
  const asked = scopes.map(({ description }) => `<li>${escapeHtml(description)}</li>`).join("");
  const page = `/authorize/${id}/page`;
  const finish = `/authorize/${id}/finish`;
  return frame(
    `${heading} - ${name}`,
    `<main data-status="${status}" data-follow="/status/${id}" data-page="${page}" data-finish="${finish}">
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

/** Without a script the page looks again by itself, and goes on by itself as it says. */
function withoutScript(status: SessionStatus, { page, finish }: { page: string; finish: string }): string {
  const goesOnAfter = GOES_ON_AFTER_SECONDS[status];
  const refresh = (content: string) => `<noscript><meta http-equiv="refresh" content="${content}"></noscript>`;
  if (status === "authorized") return refresh(`5;url=${page}`);
  return goesOnAfter === undefined ? "" : refresh(`${goesOnAfter};url=${finish}`);
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

/** A page that says what went wrong and what helps, and nothing of what the browser brought along. */
export function renderErrorPage(error: { message: string; mend: string; requestId: string }): string {
  const [message, mend, requestId] = [error.message, error.mend, error.requestId].map(escapeHtml);
  return frame(
    "This does not work",
    `<main data-status="failed"><h1>This does not work</h1><p id="state" role="alert">${message}</p>${mend === "" ? "" : `<p>${mend}</p>`}<p class="fine">Request ${requestId}</p></main>`,
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

/**
 * The page's style. Colours follow the person's light or dark preference; contrast is at least 4.5:1 in both. Where
 * there is room the code comes first: whoever sits at a large screen has the wallet on a phone. The code is black on
 * white in both: scanners want it so.
 */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2330;--faint:#5a6373;--ground:#eef0f4;--accent:#1f4fc4;--on-accent:#fff;--bad:#b3261e;--good:#1d7a43}
@media (prefers-color-scheme:dark){:root{--paper:#1b2029;--ink:#eceff4;--faint:#a9b2c1;--ground:#11151b;--accent:#8fb0ff;--on-accent:#11151b;--bad:#ff8a80;--good:#6fd39a}}
*{box-sizing:border-box}
body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
main{max-width:30rem;margin:0 auto;padding:1.25rem 1.5rem;background:var(--paper)}
main>:last-child,#wallet>:last-child,.there>:last-child{margin-bottom:0}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
h1:focus{outline:none}
.asked{padding-left:1.25rem;font-weight:600}
.ways{display:flex;flex-direction:column;gap:1rem}
.ways p{margin:0 0 .5rem}
.button{display:block;padding:.75rem 1rem;border:2px solid var(--accent);border-radius:.625rem;background:var(--accent);color:var(--on-accent);font-weight:600;text-align:center;text-decoration:none}
.button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
.code{max-width:18rem;margin:0 auto;background:#fff;border-radius:.625rem;overflow:hidden}
.code svg{display:block;width:100%;height:auto}
#state{margin:0 0 1rem;padding:.625rem 1rem;border-left:.25rem solid var(--accent);background:var(--ground);border-radius:.25rem}
main[data-status=failed] #state,main[data-status=expired] #state{border-color:var(--bad)}
main[data-status=verified] #state{border-color:var(--good)}
.fine{color:var(--faint);font-size:.875rem}
[hidden]{display:none}
@media (min-width:34rem){
body{background:var(--ground)}
main{margin:2rem auto;padding:2rem;border-radius:1rem}
.there{order:-1}
.here .button{background:var(--paper);color:var(--accent)}
}
`;

/** The page's script: asks how things stand, shows it, and goes on when it is over. */
export const PAGE_SCRIPT = `"use strict";
(function () {
  var main = document.querySelector("main[data-follow]");
  if (!main) return;
  var words = ${JSON.stringify(WORDS)};
  var goesOnAfter = ${JSON.stringify(GOES_ON_AFTER_SECONDS)};
  var pauseMs = 1000;

  function show(status) {
    if (main.dataset.status === status) return;
    main.dataset.status = status;
    document.getElementById("heading").textContent = words[status].heading;
    document.getElementById("state").textContent = words[status].text;
    document.getElementById("wallet").hidden = status !== "authorized";
    document.getElementById("on").hidden = ["verified", "failed", "expired"].indexOf(status) < 0;
    document.title = words[status].heading + document.title.slice(document.title.indexOf(" - "));
    document.getElementById("heading").focus();
  }

  function goOn() { location.replace(main.dataset.finish); }

  function act(status) {
    show(status);
    if (status in goesOnAfter) setTimeout(goOn, goesOnAfter[status] * 1000);
    else if (status === "authorized" || status === "pending") follow();
  }

  function follow() {
    var known = encodeURIComponent(main.dataset.status);
    fetch(main.dataset.follow + "?known=" + known, { cache: "no-store", credentials: "same-origin" })
      .then(function (response) {
        // It is forgotten, or this browser has lost its cookie: the page says so.
        if (response.status === 404) return location.replace(main.dataset.page);
        if (!response.ok) throw new Error("status " + response.status);
        return response.json();
      })
      .then(function (answer) {
        if (answer === undefined) return;
        pauseMs = 1000;
        act(answer.status);
      })
      .catch(function () {
        // The network of a phone that was in another app comes back by itself.
        pauseMs = Math.min(pauseMs * 2, 15000);
        setTimeout(follow, pauseMs);
      });
  }

  // Phones drop a page while the wallet is in front and load its address again: that must not begin anew.
  history.replaceState(null, "", main.dataset.page);
  var until = document.getElementById("until");
  if (until) until.textContent = new Date(until.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  // A page that the browser had put away shows an old state: ask at once.
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  act(main.dataset.status);
})();
`;
