/** Countries whose code has two digits; +1 and +7 have one, all others three (ITU-T E.164, list of 2016). */
const TWO = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/** A number in E.164 in groups, so that it can be read aloud. Anything else is left as it is. */
export function readable(address: string): string {
  if (!/^\+\d{8,15}$/.test(address)) return address;
  const digits = address.slice(1);
  const code = /^[17]/.test(digits) ? 1 : TWO.test(digits) ? 2 : 3;
  const groups = [digits.slice(0, code)];
  let rest = digits.slice(code);
  for (; rest.length > 4; rest = rest.slice(3)) groups.push(rest.slice(0, 3));
  if (rest.length === 4 && digits[0] !== '1') groups.push(rest.slice(0, 2), rest.slice(2));
  else groups.push(rest);
  return `+${groups.join('\u00a0')}`;
}
