import { DomainError, type ErrorKind, TransientError } from "../../core/errors";
import type { Reply, RequestContext } from "./endpoint";
import { escapeHtml, htmlPage, pageHeaders } from "./htmlPage";
import { statusOfKind } from "./problem";

/**
 * Answers errors with a page, for a browser that cannot be redirected. It shows nothing of what the browser sent.
 *
 * @param stylesheet path of the pages' style sheet
 */
export function pageErrorReply(stylesheet: string): (error: unknown, context: RequestContext) => Reply {
  return (error, context) => {
    if (error instanceof TransientError) {
      const page = errorPage(context, {
        stylesheet,
        status: 503,
        message: error.message,
        advice: "Try again in a moment.",
      });
      return { ...page, headers: { ...page.headers, "retry-after": "2" } };
    }
    if (!(error instanceof DomainError))
      return errorPage(context, { stylesheet, status: 500, message: unforeseen(context) });
    const { kind, message } = error;
    const page = errorPage(context, { stylesheet, status: statusOfKind(kind), message, advice: ADVICE[kind] });
    return { ...page, headers: { ...page.headers, ...retryHeaders(error) } };
  };
}

interface ShownError {
  stylesheet: string;
  status: number;
  message: string;
  advice?: string | undefined;
}

function errorPage({ requestId }: RequestContext, { stylesheet, status, message, advice = "" }: ShownError): Reply {
  const [said, helps, id] = [message, advice, requestId].map(escapeHtml);
  const title = "This does not work";
  const help = helps === "" ? "" : `<p>${helps}</p>`;
  const body = `<main data-status="failed"><h1>${title}</h1><p id="state" role="alert">${said}</p>${help}<p class="fine">Request ${id}</p></main>`;
  return { status, headers: pageHeaders({ formAction: "'none'" }), body: htmlPage({ title, stylesheet, body }) };
}

/** What a person can do, where the message is for the site's developers. */
const ADVICE: Partial<Record<ErrorKind, string>> = {
  invalid: "The site that sent you here made a mistake. Go back to it and begin again; if that does not help, tell it.",
  not_found: "Go back to the site you came from and begin again.",
};

/** `Retry-After` of a rejection that says when a later try may succeed. */
export function retryHeaders({ retryAfterSeconds }: DomainError): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterSeconds)) };
}

/** What an unforeseen error is answered with: its request's id, under which it is logged. */
export function unforeseen({ requestId }: Pick<RequestContext, "requestId">): string {
  return `Something went wrong on our side. Report request ${requestId} if it happens again.`;
}
