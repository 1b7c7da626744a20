import { expect } from "chai";
import { compileClaimSchema } from "../../../../api/credentials/types/compileSchema";
import { prepareSchema, sizeProblemOf } from "../../../../api/credentials/types/rules";
import type { DomainError } from "../../../../core/errors";

/** Schema and claims may have 16 KiB each. */
const LONGEST = 16_000;

const fieldsOf = (schema: object, claims: unknown) =>
  compileClaimSchema({ type: "object", ...schema })(claims).map(({ field, message }) => `${field} ${message}`);
const refusalOf = (schema: object) => {
  try {
    prepareSchema("0x00", "T", { type: "object", ...schema });
  } catch (error) {
    return (error as DomainError).message;
  }
  return undefined;
};

describe("schemas of claims", () => {
  it("name every faulty field by its path, and keep their words to the rule", () => {
    const schema = {
      properties: {
        name: { type: "string", pattern: "^[A-Z]" },
        "a/b": { type: "array", items: { type: "integer" }, uniqueItems: true },
        born: { format: "date" },
      },
      required: ["name", "degree"],
      additionalProperties: false,
    };
    expect(fieldsOf(schema, { name: "alice", "a/b": [1, "x"], born: "2000-13-01", extra: 1 })).to.have.members([
      "body.claims.degree must have required property 'degree'",
      "body.claims.extra must NOT have additional properties",
      'body.claims.name must match pattern "^[A-Z]"',
      "body.claims.a/b.1 must be integer",
      'body.claims.born must match format "date"',
    ]);
    expect(fieldsOf(schema, { name: "Alice", degree: 1, "a/b": [1, 2], born: "2000-12-01" })).to.have.length(1);
  });

  it("take what JSON Schema 2020-12 has: references, conditions, alternatives, what is left over", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "https://issuer.example/schema",
      title: "t",
      description: "d",
      examples: [{}],
      $defs: { "a/b c": { type: "string", minLength: 2 } },
      properties: { kind: { enum: ["x", "y"] }, text: { $ref: "#/$defs/a~1b%20c" }, n: { multipleOf: 0.1 } },
      if: { properties: { kind: { const: "x" } } },
      then: { required: ["text"] },
      oneOf: [{ required: ["kind"] }, { required: ["other"] }],
      unevaluatedProperties: false,
    };
    expect(fieldsOf(schema, { kind: "x", text: "ab", n: 0.3 })).to.deep.equal([]);
    expect(fieldsOf(schema, { kind: "y" })).to.deep.equal([]);
    expect(fieldsOf(schema, { kind: "y", text: "a" })).to.deep.equal([
      "body.claims.text must NOT have fewer than 2 characters",
    ]);
    expect(fieldsOf(schema, { kind: "x" })).to.include("body.claims.text must have required property 'text'");
    expect(fieldsOf(schema, { kind: "y", rest: 1 })).to.deep.equal([
      "body.claims.rest must NOT have unevaluated properties",
    ]);
  });

  it("take items for the same that JSON Schema takes for equal", () => {
    const schema = { properties: { list: { uniqueItems: true } } };
    expect(fieldsOf(schema, { list: [1, "1", [1], { a: 1, b: 2 }, null, true, "true"] })).to.deep.equal([]);
    expect(
      fieldsOf(schema, {
        list: [
          { a: 1, b: [2] },
          { b: [2], a: 1 },
        ],
      }),
    ).to.deep.equal(["body.claims.list must not have the same item twice"]);
  });

  it("match patterns in linear time, which stop other engines for minutes", () => {
    const patterns = ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "^(?:[a-z]{0,9}[0-9]?){0,20}!$", "(.*)*(.*)*(.*)*="];
    const properties = Object.fromEntries(patterns.map((pattern, at) => [`p${at}`, { type: "string", pattern }]));
    const patternProperties = { "^(a+)+$": { type: "number" } };
    const text = `${"a".repeat(LONGEST / patterns.length)}!`;
    const claims = Object.fromEntries(patterns.map((_, at) => [`p${at}`, text]));
    const before = process.cpuUsage();
    expect(fieldsOf({ properties, patternProperties }, claims)).to.have.length(5);
    // A backtracking engine would not come back at all.
    expect(process.cpuUsage(before).user).to.be.lessThan(3_000_000);
  });

  it("refuse what has no bound, and say what to do instead", () => {
    const itself = { $defs: { a: { anyOf: [{ properties: { x: { $ref: "#/$defs/a" } } }] } }, $ref: "#/$defs/a" };
    expect(refusalOf(itself)).to.match(/refers to a schema that holds it: write out its levels/);
    expect(refusalOf({ properties: { x: { $ref: "#" } } })).to.match(/properties\.x refers to what is not there: give/);
    expect(refusalOf({ $ref: "https://other.example/s" })).to.match(/its root refers to what is not there/);
    expect(refusalOf({ $dynamicRef: "#a" })).to.match(/uses \$dynamicRef/);
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`d${at}`, { anyOf: [ref(at + 1), ref(at + 1)] }]),
    );
    expect(refusalOf({ $defs: { ...doubling, d40: {} }, $ref: "#/$defs/d0" })).to.match(/more than 500 rules/);
    expect(refusalOf({ properties: { x: { pattern: "(?=a)" } } })).to.match(
      /properties\.x has a pattern that is no pattern that can be matched in linear time: give one without look-around/,
    );
    expect(refusalOf({ patternProperties: { "(a)\\1": true } })).to.match(/its root has a pattern that is no pattern/);
    expect(refusalOf({ properties: { x: { pattern: "a{500}b{500}" } } })).to.match(/too large together/);
    expect(refusalOf({ propertys: {} })).to.match(/unknown keyword: "propertys"/);
    expect(refusalOf({ properties: { x: { type: "text" } } })).to.match(/schema is invalid/);
    expect(refusalOf({ properties: { x: { format: "postcode" } } })).to.match(/unknown format "postcode"/);
    expect(refusalOf({ $schema: "http://json-schema.org/draft-07/schema#" })).to.match(/another dialect/);
  });

  it("validate the costliest claims by the costliest schema in a bounded time", () => {
    const value = { anyOf: Array.from({ length: 400 }, (_, at) => ({ const: at })) };
    const schema = { additionalProperties: { items: value, uniqueItems: true } };
    const claims = { a: Array.from({ length: 900 }, (_, at) => `x${at}`) };
    expect(sizeProblemOf(claims)).to.equal(undefined);
    expect(refusalOf(schema)).to.equal(undefined);
    const before = process.cpuUsage();
    expect(fieldsOf(schema, claims)).to.have.length(20);
    expect(process.cpuUsage(before).user).to.be.lessThan(10_000_000);
  });
});

describe("claims", () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { x: nested(depth - 1) });

  it("are bounded in depth, values, names and bytes", () => {
    expect(sizeProblemOf(nested(16))).to.equal(undefined);
    expect(sizeProblemOf(nested(17))).to.match(/nested deeper than 16/);
    expect(sizeProblemOf({ list: Array(998).fill(0) })).to.equal(undefined);
    expect(sizeProblemOf({ list: Array(999).fill(0) })).to.match(/more than 1000 values/);
    expect(sizeProblemOf({ x: { ["n".repeat(101)]: 1 } })).to.match(/a name longer than 100/);
    expect(sizeProblemOf({ text: "é".repeat(8_186) })).to.equal(undefined);
    expect(sizeProblemOf({ text: "é".repeat(8_187) })).to.match(/larger than 16384 bytes/);
  });
});

function ref(at: number) {
  return { $ref: `#/$defs/d${at}` };
}
