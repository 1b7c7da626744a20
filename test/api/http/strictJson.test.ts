import { expect } from "chai";
import fc from "fast-check";
import { parseStrictJson } from "../../../api/http/strictJson";

const parse = (text: string) => parseStrictJson(Buffer.from(text), "body");
const problemsOf = (text: string) => parse(text).problems.map(({ field, message }) => `${field} ${message}`);

describe("strict JSON", () => {
  it("reads whatever JSON.stringify writes of data that JSON carries exactly", () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n));
    const leaf = fc.oneof(
      fc.maxSafeInteger(),
      numbers,
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: "grapheme" }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("tree")), fc.dictionary(fc.string(), tie("tree"))),
    }));
    fc.assert(
      fc.property(tree, fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!/__proto__|_bsontype|\\u0000/.test(text));
        const { value: read, problems } = parse(text);
        expect(problems).to.deep.equal([]);
        expect(JSON.stringify(read)).to.equal(JSON.stringify(value));
      }),
      { numRuns: 500 },
    );
  });

  it("names reserved names, NUL, half surrogates and members given twice, each by its path", () => {
    expect(problemsOf('{"claims":{"__proto__":{"admin":true}}}')).to.deep.equal([
      "body.claims.__proto__ is a reserved name: choose another",
    ]);
    // However it is spelled.
    expect(problemsOf('[{"\\u005f_proto__":1},{"a":[{"_bsontype":"Code"}]}]')).to.deep.equal([
      "body.0.__proto__ is a reserved name: choose another",
      "body.1.a.0._bsontype is a reserved name: choose another",
    ]);
    expect(problemsOf('{"a":"x\\u0000y","b\\u0000":1}')).to.deep.equal([
      "body.a holds the character NUL (U+0000): remove it",
      "body.b\\u0000 holds the character NUL (U+0000): remove it",
    ]);
    expect(problemsOf('["\\ud800","\\ud83d\\ude00"]')).to.deep.equal([
      "body.0 holds half of a surrogate pair, which is no character: remove it",
    ]);
    expect(problemsOf('{"a":1 , "b":{"a":2}, "\\u0061" : 3}')).to.deep.equal([
      "body.a is given twice: leave one of them out",
    ]);
  });

  it("names numbers that would be read as others", () => {
    const beyond = "is an integer beyond 9007199254740991, which JSON does not carry exactly: give it as text";
    const digits = "has more digits than a number holds (IEEE 754 double): round it, or give it as text";
    for (const [number, problem] of [
      ["1e400", "is too large for a number: give it as text"],
      ["-1e400", "is too large for a number: give it as text"],
      ["9007199254740992", beyond],
      ["9007199254740993", beyond],
      ["-9007199254740993.0", beyond],
      ["1e20", beyond],
      ["1e-400", digits],
      ["3.14159265358979323846", digits],
      ["0.1000000000000000055", digits],
    ] as const) {
      expect(problemsOf(`{"n":[${number}]}`), number).to.deep.equal([`body.n.0 ${problem}`]);
    }
    for (const number of [
      "0",
      "-0",
      "0.10",
      "1.50e3",
      "100",
      "1E-7",
      "5e-324",
      "9007199254740991",
      "1.7976931348623157",
    ]) {
      expect(problemsOf(number), number).to.deep.equal([]);
    }
  });

  it("bounds depth and number of values", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(problemsOf(nested(32))).to.deep.equal([]);
    expect(problemsOf(nested(33))).to.deep.equal(["body is nested deeper than 32: make it flatter"]);
    expect(problemsOf(nested(30_000))).to.deep.equal(["body is nested deeper than 32: make it flatter"]);
    const flat = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [at, 0])));
    expect(problemsOf(flat(5_000))).to.deep.equal([]);
    expect(problemsOf(flat(5_001))).to.deep.equal(["body holds more than 5000 values: send fewer"]);
    expect(problemsOf(JSON.stringify(Array(5_002).fill(0)))).to.deep.equal([
      "body holds more than 5000 values: send fewer",
    ]);
  });

  it("names at most 20 problems", () => {
    expect(problemsOf(JSON.stringify(Array(100).fill("\0")))).to.have.length(20);
  });

  it("takes neither what is no JSON nor bytes that are no UTF-8", () => {
    for (const bytes of [Buffer.from("{'a':1}"), Buffer.from("01"), Buffer.from(""), Buffer.from([0x22, 0xc3, 0x22])]) {
      expect(() => parseStrictJson(bytes, "body")).to.throw(SyntaxError);
    }
  });
});
