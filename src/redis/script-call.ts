import { Command } from 'ioredis';

export type Argument = string | number | Buffer;

/**
 * A call of a script, on its way to Redis as one piece. ioredis' own command copies, checks and encodes its arguments in
 * rounds of their own; with the dozens that a script has, that costs several times as much.
 */
export class ScriptCall extends Command {
  constructor(
    name: 'eval' | 'evalsha',
    private readonly words: readonly Argument[],
  ) {
    super(name, [], { replyEncoding: null });
  }

  override toWritable(): string | Buffer {
    let text = `*${this.words.length + 1}\r\n$${this.name.length}\r\n${this.name}\r\n`;
    const parts: Buffer[] = [];
    for (const word of this.words) {
      if (typeof word === 'object') {
        parts.push(Buffer.from(`${text}$${word.length}\r\n`), word);
        text = '\r\n';
      } else {
        const wordText = String(word);
        text += `$${Buffer.byteLength(wordText)}\r\n${wordText}\r\n`;
      }
    }
    return parts.length === 0 ? text : Buffer.concat([...parts, Buffer.from(text)]);
  }
}
