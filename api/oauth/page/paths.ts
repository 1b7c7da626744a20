/** The page of a verification. */
export function pagePath(verificationId = ""): string {
  return `/authorize/${encodeURIComponent(verificationId)}/page`;
}

/** The way back to the client when a verification is over. */
export function finishPath(verificationId = ""): string {
  return `/authorize/${encodeURIComponent(verificationId)}/finish`;
}

/** The status of a verification, for the page's script and other callers that follow it. */
export function statusPath(verificationId = ""): string {
  return `/status/${encodeURIComponent(verificationId)}`;
}

/** The page's script or style sheet. */
export function assetPath(file: "page.js" | "page.css"): string {
  return `/oauth/assets/${file}`;
}
