/** Where wallets fetch a request object. */
export function requestUriOf(publicUrl: string, requestId: string): string {
  return `${publicUrl}/vp-request/${requestId}`;
}

/** Where wallets post their responses. */
export function responseUriOf(publicUrl: string): string {
  return `${publicUrl}/vp-submission/direct-post`;
}
