import { Ajv2020, type ValidateFunction } from "ajv/dist/2020";
import type { Operation } from "./requests";
import type { JsonSchema } from "./values";

/** An answer as it came. */
export interface FuzzAnswer {
  status: number;
  contentType: string;
  text: string;
}

/** Says what of an answer its operation does not declare; undefined where everything is. */
export type AnswerChecker = (operation: Operation, answer: FuzzAnswer) => string | undefined;

/**
 * Creates what compares answers with the description: status, media type, schema, and the code of a problem.
 *
 * @param components of the document, for its references
 */
export function createAnswerChecker(components: object): AnswerChecker {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });
  ajv.addSchema({ $id: "https://cairn.example/openapi", components });
  const compiled = new WeakMap<object, ValidateFunction>();
  const validatorOf = (schema: JsonSchema) => {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"https://cairn.example/openapi#/components/');
    const made = ajv.compile(JSON.parse(text) as JsonSchema);
    compiled.set(schema, made);
    return made;
  };

  return (operation, { status, contentType, text }) => {
    const described = operation.responses[String(status)];
    if (described === undefined) return `answers ${status}, which is not declared`;
    const { content } = described;
    if (text === "") return content === undefined || status === 304 ? undefined : noBody(status, content);
    const media = contentType.split(";")[0] ?? "";
    if (content === undefined) return `answers ${status} with a body of ${media}, where none is declared`;
    const isJson = /json$/.test(media);
    const schema = content[media]?.schema;
    const isProblem = media === "application/problem+json";
    if (isProblem && content[media] === undefined) return `answers ${status} as a problem, which is not declared`;
    if (isProblem) {
      const { code } = JSON.parse(text) as { code: string };
      if (described["x-codes"]?.includes(code) !== true) return `answers ${status} ${code}, which is not declared`;
    }
    if (!isJson || schema === undefined) return undefined;
    const validate = validatorOf(schema);
    const body: unknown = JSON.parse(text);
    return validate(body) ? undefined : `answers ${status} unlike its schema: ${ajv.errorsText(validate.errors)}`;
  };
}

function noBody(status: number, content: object): string | undefined {
  // Problems always have a body; pages and pictures may be left out.
  return Object.keys(content).every((media) => media.includes("json")) ? `answers ${status} without a body` : undefined;
}
