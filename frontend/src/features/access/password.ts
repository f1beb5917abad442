/** A password to be handed over: letters and digits nobody mistakes, about 98 bits. */
const SIGNS = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP = 5;

export function newPassword(random: (bytes: Uint8Array) => Uint8Array = fill): string {
  let text = '';
  while (text.length < GROUPS * GROUP) {
    for (const byte of random(new Uint8Array(32))) {
      // The rest of the range would make the first signs likelier.
      if (byte < 256 - (256 % SIGNS.length) && text.length < GROUPS * GROUP) {
        text += SIGNS[byte % SIGNS.length];
      }
    }
  }
  return text.match(/.{5}/g)?.join('-') ?? text;
}

function fill(bytes: Uint8Array): Uint8Array {
  return crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}
