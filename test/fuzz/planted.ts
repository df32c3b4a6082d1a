/** No reader: an error behind four doors. A loop that learns finds it within some thousand inputs; blind chance needs billions. */
export const fuzz = (bytes: Buffer): void => {
  if (bytes[0] !== 0x52) return;
  if (bytes[2] !== 0x58) return;
  if (bytes[4] !== 0x52) return;
  if (bytes[6] !== 0x51) return;
  throw new Error('all four doors are open');
};
