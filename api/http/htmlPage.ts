import { toString as renderQr } from "qrcode";

/**
 * Headers of a page. It loads scripts and styles of this origin, sends requests to it, and nothing else; its address may
 * hold a state or a code, which no other site gets to know.
 *
 * @param options.formAction where its forms may be sent (CSP Level 3): nowhere, or to this origin
 */
export function pageHeaders({ formAction }: { formAction: "'none'" | "'self'" }) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action ${formAction}`,
    "frame-ancestors 'none'",
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": policy.join("; "),
  };
}

/** What a page is made of; each part is HTML already, the title included. */
export interface PageParts {
  title: string;
  /** Path of its style sheet. */
  stylesheet: string;
  /** Further elements of its head. */
  head?: string;
  body: string;
}

/** Renders a page. */
export function htmlPage({ title, stylesheet, head = "", body }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><link rel="stylesheet" href="${stylesheet}">${head}</head>
<body>
${body}
</body>
</html>
`;
}

/** Text as it stands in HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A link as a QR code, SVG, with a name for those who do not see it. */
export async function qrPicture(link: string): Promise<string> {
  const svg = await renderQr(link, { type: "svg", errorCorrectionLevel: "M", margin: 4 });
  return svg.replace("<svg ", '<svg role="img" aria-label="QR code that opens the request in your wallet" ');
}
