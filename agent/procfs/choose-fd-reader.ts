/** The faster reader of fds where the C library is to be had, else the one that always works. */
import { LibcError, type LoadLibc } from '../libc.ts';
import { LibcFdReader } from './libc-fd-reader.ts';
import { type FdReader, NodeFdReader } from './pid-fd.ts';

export async function chooseFdReader(load: LoadLibc): Promise<FdReader> {
  try {
    return new LibcFdReader(await load());
  } catch (error) {
    if (error instanceof LibcError) return new NodeFdReader();
    throw error;
  }
}
