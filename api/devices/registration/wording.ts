/** The mail with a code, in words. It is the same whether its address has an account. */
export function codeWording(code: string): { subject: string; paragraphs: string[] } {
  return {
    subject: `${code} is your code`,
    paragraphs: [
      `Your code is ${code}. It is valid for 10 minutes.`,
      "Enter it on the device that you are registering, and nowhere else. Nobody of ours will ever ask you for it.",
      "If you did not ask for a code, somebody typed your address by mistake: you need not do anything.",
    ],
  };
}
