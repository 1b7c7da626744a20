import { expect } from "chai";
import { normalizePassword } from "../../../../api/http/loginFields";
import { commonPasswordCount, passwordLength, passwordWeakness } from "../../../../api/sessions/users/passwordPolicy";

const ALICE = { email: "alice.springfield@cairnmail.example", name: "Alice Springfield" };

describe("password rules", () => {
  it("refuse what everybody tries first, also dressed up with digits, signs and capitals", () => {
    const guesses = [
      "password",
      "Password1",
      "P@ssw0rd!",
      "passw0rd123",
      "qwertyuiop",
      "iloveyou",
      "1l0vey0u",
      "Welcome2024",
      "LetMeIn!!",
      "dragon99",
      "123monkey123",
    ];
    for (const guess of guesses) expect(passwordWeakness(guess, ALICE), guess).to.be.a("string");
  });

  it("refuse repetitions and sequences", () => {
    const guesses = ["aaaaaaaa", "abababab", "abcabcabc", "12341234", "12345678", "87654321", "abcdefgh", "abcd1234"];
    for (const guess of guesses) expect(passwordWeakness(guess, ALICE), guess).to.be.a("string");
  });

  it("refuse what is little more than the name or the e-mail address", () => {
    for (const guess of ["alice.springfield", "Springfield7", "AliceSpringfield", "cairnmail42", "springfield!"]) {
      expect(passwordWeakness(guess, ALICE), guess).to.match(/name or e-mail/);
    }
  });

  it("let long phrases pass, a name in them too, and ask for no kinds of characters", () => {
    for (const fine of [
      "correct horse battery",
      "alice rode to the sea",
      "zwölf boxkämpfer",
      "tr0ub4dor&3x",
      "日本語のパスワード",
    ]) {
      expect(passwordWeakness(fine, ALICE), fine).to.equal(undefined);
    }
  });

  it("know at least 500 common passwords and the words they are made of", () => {
    expect(commonPasswordCount).to.be.at.least(500);
  });

  it("count what people see as characters, and take differently encoded ones for the same", () => {
    expect(passwordLength("👍👍👍👍👍👍👍👍")).to.equal(8);
    expect(normalizePassword("Ａｎｇｓｔｒöｍ")).to.equal(normalizePassword("Angstro\u0308m"));
  });
});
