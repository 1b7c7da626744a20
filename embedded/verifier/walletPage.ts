import { createHash } from "node:crypto";
import { sampleClaims, type Verification } from "./verifications";

const STYLE = `
body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;background:#eef0f4;color:#1c2330}
main{max-width:28rem;margin:0 auto;min-height:100vh;padding:1.5rem;background:#fff;box-sizing:border-box}
h1{margin-top:0;font-size:1.4rem}
p.note{padding:.6rem .9rem;background:#fff7d6;border-radius:.4rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}
dt{font-weight:600}dd{margin:0}
button{display:block;width:100%;margin:.5rem 0;padding:.8rem;font:inherit;font-weight:600;border:1px solid #8a93a5;border-radius:.6rem;background:#fff;color:inherit;cursor:pointer}
button.yes{background:#1f4fc4;border-color:#1f4fc4;color:#fff}
button:focus-visible{outline:3px solid #1c2330;outline-offset:2px}
select{font:inherit;padding:.4rem;max-width:100%}
`;

export const WALLET_PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "content-security-policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
};

/** The page on which a person answers for the wallet. */
export function renderWalletPage(verification: Verification): string {
  const { id, state, request } = verification;
  const claims = Object.entries(sampleClaims(request.dcql_query)).map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(String(value))}</dd>`,
  );
  const form = `<p>A verifier asks for:</p>
<dl>${claims.join("")}</dl>
<form method="post" action="/wallet/${escapeHtml(id)}">
<button class="yes" name="decision" value="show">Show it</button>
<button name="decision" value="decline">Decline</button>
<button name="decision" value="untrusted">Show one of an untrusted issuer</button>
<p><label for="webhook">The verifier sends its webhook</label>
<select id="webhook" name="webhook"><option value="once">once</option><option value="twice">twice</option><option value="lost">not at all</option></select></p>
</form>`;
  const done = `<p role="status">This request is answered: <strong>${state}</strong>. Go back to the page you came from.</p>`;
  return frame(`<p class="note">This is a mock of a wallet, for development. It holds no credential and proves nothing.</p>
${state === "PENDING" ? form : done}`);
}

/** The page for a request that does not exist or has expired. */
export function renderWalletNotFound(): string {
  return frame(`<p role="alert">There is no such request, or it has expired.</p>`);
}

function frame(body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Mock wallet</title><style>${STYLE}</style></head>
<body><main><h1>Mock wallet</h1>
${body}
</main></body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
