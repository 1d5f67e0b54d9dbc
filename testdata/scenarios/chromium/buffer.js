'use strict';
/*
 * The little of Node.js's Buffer that kinds.js takes: bytes of texts, and texts of bytes, which Chromium decodes into memory of its own.
 */
globalThis.Buffer = class Buffer extends Uint8Array {
  static from(text, encoding) {
    const width = encoding === 'utf16le' ? 2 : 1;
    const bytes = new Buffer(width * text.length);
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = text.charCodeAt(Math.floor(index / width)) >> (8 * (index % width));
    }
    return bytes;
  }
  static alloc(size, fill) {
    const bytes = new Buffer(size);
    const unit = typeof fill === 'string' ? Buffer.from(fill) : fill;
    for (let index = 0; index < size; index++) bytes[index] = unit[index % unit.length];
    return bytes;
  }
  toString(encoding) {
    return new TextDecoder(encoding === 'utf16le' ? 'utf-16le' : 'latin1', { ignoreBOM: true }).decode(this);
  }
};
