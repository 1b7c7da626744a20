import QRCode from "qrcode";
import type { SharePayload } from "./actions";

/** Readable when printed small and smudged a little: a quarter of the code may be lost. */
const LEVEL = { errorCorrectionLevel: "Q", margin: 4 } as const;

/** The text a share's QR code holds: the payload as JSON. */
export function shareText(payload: SharePayload): string {
  return JSON.stringify(payload);
}

/** The QR code (ISO/IEC 18004) as an SVG document. */
export function shareSvg(payload: SharePayload): Promise<string> {
  return QRCode.toString(shareText(payload), { ...LEVEL, type: "svg" });
}

/** The QR code as a PNG image, about 600 pixels wide. */
export function sharePng(payload: SharePayload): Promise<Buffer> {
  return QRCode.toBuffer(shareText(payload), { ...LEVEL, type: "png", width: 600 });
}
