/** The disk of this machine: files that only grow, files that are replaced as a whole, and what is said when that fails. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskError } from '../../disk/disk-error.ts';
import { FaultyDisk } from './faulty-files.ts';

let place: FaultyDisk;
let path: string;
beforeEach(() => {
  place = new FaultyDisk();
  path = `${place.folder}/file`;
});
afterEach(() => place.close());

describe('a disk', () => {
  it('adds to the end of files, which are their owner’s alone', async () => {
    const file = place.disk.openAppend(path);
    await file.append([Buffer.from('ab'), Buffer.from('c')]);
    await file.sync();
    expect(file.size).toBe(3);
    file.close();
    file.close();
    const again = place.disk.openAppend(path);
    expect(again.size).toBe(3);
    await again.append([Buffer.from('d')]);
    again.close();
    expect(readFileSync(path, 'utf8')).toBe('abcd');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('adds all of it when writes are cut short, at every byte', async () => {
    for (let most = 1; most <= 6; most++) {
      const short = new FaultyDisk();
      short.faults.writeBytesMax = most;
      const file = short.disk.openAppend(`${short.folder}/file`);
      await file.append([Buffer.from('ab'), Buffer.from('c'), Buffer.from('def')]);
      file.close();
      expect(readFileSync(`${short.folder}/file`, 'utf8')).toBe('abcdef');
      short.close();
    }
  });

  it('replaces a file as a whole, or leaves it as it is', async () => {
    await place.disk.replace(path, Buffer.from('one'));
    for (const call of ['open', 'write', 'sync', 'rename'] as const) {
      place.faults.failing.set(call, 'EIO');
      await expect(place.disk.replace(path, Buffer.from('two'))).rejects.toThrow(DiskError);
      place.faults.failing.clear();
      expect(readFileSync(path, 'utf8')).toBe('one');
    }
    await place.disk.replace(path, Buffer.from('three'));
    expect(readFileSync(path, 'utf8')).toBe('three');
    expect(readdirSync(place.folder)).toEqual(['file']);
  });

  it('says nothing of what is not there', () => {
    expect(place.disk.read(path)).toBe(null);
    expect(place.disk.sizeOf(path)).toBe(null);
    expect(place.disk.list(path)).toEqual([]);
    expect(() => place.disk.remove(path)).not.toThrow();
  });

  it('cuts, renames, lists and makes folders', async () => {
    place.disk.makeFolder(`${place.folder}/deep/er`);
    place.disk.makeFolder(`${place.folder}/deep/er`);
    expect(statSync(`${place.folder}/deep`).mode & 0o777).toBe(0o700);
    writeFileSync(path, 'abc');
    place.disk.truncate(path, 1);
    place.disk.rename(path, `${place.folder}/also`);
    await place.disk.syncFolder(place.folder);
    expect(place.disk.list(place.folder)).toEqual(['also', 'deep']);
    expect(place.disk.read(`${place.folder}/also`)?.toString()).toBe('a');
    expect(place.disk.sizeOf(`${place.folder}/also`)).toBe(1);
  });

  it('says in one line what failed, where and why', () => {
    writeFileSync(path, '');
    expect(() => place.disk.makeFolder(`${path}/below`)).toThrow(
      `cannot make the folder ${path}/below: a part of the path is no folder (ENOTDIR)`,
    );
    expect(() => place.disk.openAppend(`${place.folder}/no/file`)).toThrow(
      `cannot open ${place.folder}/no/file: ENOENT`,
    );
  });
});
