// Control characters (C0, DEL, C1, with ESC and line ends), everything invisible that reorders or hides text
// (bidi, zero width), the two Unicode line ends, and halves of surrogate pairs.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const escaped = (char: string): string => {
  const name = named[char];
  if (name !== undefined) return name;
  const code = char.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
};

/**
 * Foreign text as one line that a terminal shows and does not obey. Whatever comes out of Redis (ids, names,
 * errors, results) reaches the user through here and nowhere else.
 */
export const escapeText = (text: string, maxChars = 2_000): string => {
  const kept = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return kept.replace(unsafe, escaped);
};

/** The same for text of several lines: its line ends stay, tabs become spaces. */
export const escapeLines = (text: string, maxLines = 200): string[] => {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/, maxLines + 1);
  const kept = lines.slice(0, maxLines).map((line) => escapeText(line.replaceAll('\t', '    ')));
  return lines.length > maxLines ? [...kept, '…'] : kept;
};

/** JSON on one line with the same characters written as `\uXXXX`: still the same JSON. */
export const escapeJson = (json: string): string =>
  json.replace(unsafe, (char) =>
    Array.from(
      { length: char.length },
      (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
