import { expect, it } from '@jest/globals';
import { describeWithPython, PythonFailedError, python } from '../support/python.js';

describeWithPython('python', ['2.12', '1.16'], (version) => {
  it('answers with the JSON of its last line', async () => {
    const script =
      'import rq, sys; print("noise"); print(\'["\' + rq.VERSION + sys.argv[1] + \'"]\')';
    expect(await python(version, script, ['!'])).toEqual([
      expect.stringMatching(`^${version}.*!$`),
    ]);
  });

  it('fails with what Python said', async () => {
    await expect(python(version, 'raise ValueError("no")')).rejects.toThrow(PythonFailedError);
    await expect(python(version, 'raise ValueError("no")')).rejects.toThrow('ValueError: no');
  });
});
