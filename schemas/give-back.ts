/**
 * Gives the memory of bytes that nobody needs any more back at once. V8 would do it when it next looks
 * at everything in its heap, and until then keeps as much of it as the heap may grow. The caller owns
 * the bytes; every view of them is empty afterwards. Does nothing with a part of a larger buffer.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0);
}
