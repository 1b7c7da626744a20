import { escapeHtml, htmlPage, qrPicture } from "../../http/htmlPage";
import type { Device, FlowSession, FlowStatus, WalletRequest } from "./rules";
import { isOpen } from "./rules";
import { assetPath, finishPath, pagePath, statusPath, walletPath } from "./paths";
import { textOf } from "./texts";

/** Signs of the four ends, in the colour of the text around them. */
const SIGNS: Partial<Record<FlowStatus, string>> = {
  succeeded: '<path d="M17 29l8 8 15-17"/>',
  failed: '<path d="M20 20l16 16M36 20L20 36"/>',
  error: '<path d="M28 16v15M28 38v1"/>',
  expired: '<path d="M28 16v13l8 6"/>',
};

/**
 * Renders the page of a flow, for the browser that began it: who asks for what, and where it stands. It shows no claim:
 * those are the relying party's to read.
 */
export async function renderFlowPage(
  session: FlowSession,
  { status, pollMs }: { status: FlowStatus; pollMs: number },
): Promise<string> {
  const { sessionId, partyName, credentialType, verificationResult, errorDetails, request } = session;
  const { heading, text } = textOf(status, request?.flow, {
    credentialType,
    reason: verificationResult?.reason ?? null,
    message: errorDetails?.message ?? null,
    details: errorDetails?.details ?? null,
  });
  const party = escapeHtml(partyName);
  const follow = isOpen(status) && status !== "initiated";
  const following = follow ? ` data-follow="${statusPath(sessionId)}" data-pause="${pollMs}"` : "";
  const body = isOpen(status) ? await followedPart(session, status) : endPart(session, status);
  return htmlPage({
    title: `${escapeHtml(heading)} - ${party}`,
    stylesheet: assetPath("flow.css"),
    head: follow ? withoutScript(sessionId, pollMs) : "",
    body: `<main data-status="${status}"${following}>
${signOf(status)}<h1>${escapeHtml(heading)}</h1>
${isOpen(status) && status !== "returned" ? askedPart(session) : ""}<p id="state" role="status" aria-live="polite">${escapeHtml(text)}</p>
${body}
</main>
<script src="${assetPath("flow.js")}"></script>`,
  });
}

/** For browsers without scripts: loads the page again as often as the verifier is polled. */
function withoutScript(sessionId: string, pollMs: number): string {
  const seconds = Math.ceil(pollMs / 1000);
  return `<noscript><meta http-equiv="refresh" content="${seconds};url=${pagePath(sessionId)}"></noscript>`;
}

function signOf(status: FlowStatus): string {
  const shape = SIGNS[status];
  if (shape === undefined) return "";
  return `<svg class="sign" viewBox="0 0 56 56" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="28" cy="28" r="25"/>${shape}</svg>\n`;
}

async function followedPart(session: FlowSession, status: FlowStatus): Promise<string> {
  const { request } = session;
  if (status === "returned") return "";
  if (status === "initiated" || request === null) return choice(session);
  return `${await walletPart(session, request)}${switchPart(session, request)}`;
}

/** Who asks, and for what: a request that somebody else relayed is known by it (OpenID4VP 1.0 §14.3). */
function askedPart({ partyName, credentialType, claimNames }: FlowSession): string {
  const claims = claimNames.length === 0 ? "" : `<p class="claims">${escapeHtml(claimNames.join(", "))}</p>`;
  return `<section class="asked"><p><strong>${escapeHtml(partyName)}</strong> asks for proof:</p>
<p class="what">${escapeHtml(credentialType)}</p>${claims}</section>
`;
}

function choice({ sessionId }: FlowSession): string {
  return `<form class="choice" method="post" action="${walletPath(sessionId)}">
${deviceButton("this", "Wallet on this device", "first")}
${deviceButton("other", "Wallet on another device", "second")}
</form>`;
}

function deviceButton(device: Device, label: string, kind: "first" | "second"): string {
  return `<button class="button ${kind}" name="device" value="${device}">${label}</button>`;
}

async function walletPart({ expiresAt }: FlowSession, { flow, walletUrl }: WalletRequest): Promise<string> {
  const until = expiresAt.toISOString();
  const time = `<time id="until" datetime="${until}">${until.slice(11, 16)} UTC</time>`;
  const fine = (text: string) =>
    `<p class="fine">${text} You decide in your wallet. The request is good until ${time}.</p>`;
  if (flow === "same_device") {
    const link = `<p><a class="button" href="${escapeHtml(walletUrl)}">Open the wallet</a></p>`;
    return `${link}\n${fine("Your wallet brings you back here.")}`;
  }
  return `<div class="code">${await qrPicture(walletUrl)}</div>\n${fine("Keep this page open.")}`;
}

/** Whoever chose the wrong device chooses again. */
function switchPart({ sessionId }: FlowSession, { flow }: WalletRequest): string {
  const [device, label] =
    flow === "same_device"
      ? (["other", "Use another device instead"] as const)
      : (["this", "Use this device instead"] as const);
  const button = deviceButton(device, label, "second");
  return `\n<form class="other" method="post" action="${walletPath(sessionId)}">${button}</form>`;
}

/** The end of a flow: what was verified, by whom issued and when, and the way back. */
function endPart(session: FlowSession, status: FlowStatus): string {
  const { sessionId, partyName, credentialType, verificationResult: result } = session;
  const label = status === "succeeded" ? "Continue to" : "Back to";
  const back = `<p><a class="button" href="${finishPath(sessionId)}">${label} ${escapeHtml(partyName)}</a></p>`;
  if (result === null) return back;
  const { issuer, validationTimestamp } = result.verificationDetails;
  const at = validationTimestamp.toISOString();
  const verifiedAt = `<time datetime="${at}">${at.slice(0, 16).replace("T", " ")} UTC</time>`;
  const facts = [
    ["Credential", escapeHtml(credentialType)],
    ...(issuer === null ? [] : [["Issuer", escapeHtml(issuer)]]),
    [result.isValid ? "Verified at" : "Time", verifiedAt],
  ];
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("");
  return `<dl class="facts">${list}</dl>\n${back}`;
}
