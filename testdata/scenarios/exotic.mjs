/*
 * A module that hands itself out and never gets past its second line: what it declares further down is there, but has no
 * value yet.
 */
import * as self from './exotic.mjs';
export let early = 'before the wait';
globalThis.giveNamespace(self);
await new Promise(() => {});
export const late = 2;
export class Late {}
export function hoisted() {}
