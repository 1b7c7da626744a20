import type { SessionStatus } from "../rules";

/** What the page says in each status. */
export const STATUS_TEXTS: Record<SessionStatus, { heading: string; text: string }> = {
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

/** After how long the browser goes back to the client by itself: late enough for the text to be read. */
export const AUTO_RETURN_SECONDS: Partial<Record<SessionStatus, number>> = { verified: 0, failed: 8 };
