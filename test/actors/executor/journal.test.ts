import { writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Journal, JournalWriter, journalBytes } from '../../../src/actors/executor/journal.js';

let journal: Journal;
let writer: JournalWriter;

beforeEach(() => {
  journal = Journal.open() as Journal;
  writer = new JournalWriter(journal.writeFd);
});
afterEach(() => {
  journal.closeWriteFd();
  journal.close();
});

const write = (text: string): boolean => {
  const bytes = Buffer.from(`..${text}.`);
  return writer.write(bytes, 2, bytes.length - 1);
};

describe('the journal', () => {
  it('holds what was written, in order, and nothing at first', () => {
    expect(journal.read().toString()).toBe('');
    for (const text of ['one', 'two', 'three']) expect(write(text)).toBe(true);
    expect(journal.read().toString()).toBe('onetwothree');
  });

  it('is written over from its start; what is older may follow', () => {
    for (const text of ['one', 'two', 'three']) write(text);
    writer.rewind();
    write('six');
    expect(journal.read().toString()).toBe('sixtwothree');
    writer.rewind();
    write('longer');
    expect(journal.read().toString()).toBe('longer');
  });

  it('ends before what is torn, wherever that is', () => {
    write('first');
    write('second');
    const [firstEnd, end] = [8 + 5, 8 + 5 + 8 + 6];
    const whole = Buffer.from(journal.read());
    for (let at = 0; at < end; at++) {
      // Another byte than any that could stand there: half of one write, and half of another.
      writer.rewind();
      write('first');
      write('second');
      writeSync(journal.writeFd, Buffer.from([0xa5]), 0, 1, at);
      expect(journal.read().toString()).toBe(at < firstEnd ? '' : 'first');
    }
    writer.rewind();
    write('first');
    write('second');
    expect(journal.read()).toEqual(whole);
  });

  it('refuses what does not fit', () => {
    const half = Buffer.alloc(journalBytes / 2 - 8);
    expect(writer.write(half, 0, half.length)).toBe(true);
    expect(writer.write(half, 0, half.length)).toBe(true);
    expect(write('x')).toBe(false);
    expect(journal.read()).toHaveLength(2 * half.length);
  });
});
