import { createHash } from "node:crypto";
import type { SandboxBehaviour, SandboxDecision } from "./actions";
import type { SandboxSession } from "./store";

const STYLE = `
body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1c2330}
main{max-width:34rem;margin:3rem auto;padding:2rem;background:#fff;border-radius:.75rem;box-shadow:0 1px 4px #0002}
h1{margin-top:0;font-size:1.4rem}
p.note{padding:.6rem .9rem;background:#fff7d6;border-radius:.4rem}
fieldset{border:0;padding:0;margin:1.2rem 0}
legend{font-weight:600;padding:0;margin-bottom:.4rem}
button{display:block;width:100%;margin:.4rem 0;padding:.7rem;font:inherit;text-align:left;border:1px solid #c5cad3;border-radius:.4rem;background:#fff;cursor:pointer}
button:hover,button:focus{border-color:#2457d6;background:#eef3ff}
select{font:inherit;padding:.4rem;max-width:100%}
code{font-size:.85rem;overflow-wrap:anywhere}
`;

/**
 * What the page may do (CSP Level 3): show itself in its one style, and send its form back to where it came from. No
 * script, no image, no frame.
 */
export const PAGE_CSP = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const DECISION_WORDS: [SandboxDecision, string][] = [
  ["approve", "Approve: the person is who they say"],
  ["reject", "Reject: they are not"],
  ["review", "Leave it to a person to review"],
  ["resubmit", "Ask for another try"],
  ["expire", "Let the session expire"],
];

const BEHAVIOUR_WORDS: [SandboxBehaviour, string][] = [
  ["normal", "As it should: once, at once, in order"],
  ["duplicate", "Three times"],
  ["delay", "Five seconds late"],
  ["reorder", "In the wrong order"],
  ["lose", "Not at all"],
];

const STATE_WORDS: Record<SandboxSession["substatus"], string> = {
  opened: "waiting for your decision",
  in_progress: "in progress",
  resubmission_requested: "waiting for another try",
  needs_review: "being reviewed",
  approved: "approved",
  declined: "rejected",
  expired: "expired",
  canceled: "canceled",
};

/** The page of a sandbox session: five decisions, and how they are to be reported. */
export function renderPage(session: SandboxSession, options: { isOpen: boolean; returnUrl: string }): string {
  const decisions = DECISION_WORDS.map(
    ([value, words]) => `<button type="submit" name="decision" value="${value}">${escapeHtml(words)}</button>`,
  );
  const behaviours = BEHAVIOUR_WORDS.map(([value, words]) => `<option value="${value}">${escapeHtml(words)}</option>`);
  const form = `<form method="post">
<fieldset><legend>Decide</legend>
${decisions.join("\n")}
</fieldset>
<fieldset><legend><label for="behaviour">How is the decision reported?</label></legend>
<select id="behaviour" name="behaviour">${behaviours.join("")}</select>
</fieldset>
</form>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sandbox verification</title><style>${STYLE}</style></head>
<body><main>
<h1>Sandbox verification</h1>
<p class="note">This stands in for a KYC provider on a developer's machine. It asks for no document and no picture; you decide.</p>
<p>Session <code>${escapeHtml(session._id)}</code> is ${STATE_WORDS[session.substatus]}.</p>
${options.isOpen ? form : ""}
<p><a href="${escapeHtml(options.returnUrl)}">Back to the application</a></p>
</main></body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
