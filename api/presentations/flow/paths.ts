/** Where a browser begins a flow, with its token. */
export function beginUrlOf(publicUrl: string, token: string): string {
  return `${publicUrl}/vp-flow/begin/${token}`;
}

/** Where a wallet sends the browser back, with the state that is the flow's. */
export function callbackUrlOf(publicUrl: string, state: string): string {
  return `${publicUrl}/vp-callback?state=${state}`;
}

/** The page of a flow. */
export function pagePath(sessionId: string): string {
  return `/vp-flow/${sessionId}`;
}

/** Where the form of the page is sent, with the person's choice of a wallet. */
export function walletPath(sessionId: string): string {
  return `${pagePath(sessionId)}/wallet`;
}

/** The status of a flow, for the page's script. */
export function statusPath(sessionId: string): string {
  return `${pagePath(sessionId)}/status`;
}

/** The way back to the relying party when a flow is over. */
export function finishPath(sessionId: string): string {
  return `${pagePath(sessionId)}/finish`;
}

/** The pages' script or style sheet. */
export function assetPath(file: "flow.js" | "flow.css"): string {
  return `/vp-flow/assets/${file}`;
}
