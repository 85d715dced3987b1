/*
 * The peer of the core (bench/engine.ts): a hash join of the same halves in C, as one writes it who knows how: open
 * addressing with linear probing over [hash, row + 1], rows of 64 bytes on cache lines, no strings, huge pages left as they
 * are. It knows no births, slots, edges or limits: it stores who holds each end and counts what matches.
 *
 *     hash-join FILE SEED 0|1
 *
 * FILE: u32 count, then columns of count u32: local, remote, ports, holder. Freed rows stand on a stack, as the core's do: a
 * chain through the rows themselves would have each first half wait for the one before. The last argument says whether to
 * prefetch, in blocks of 64, freed rows that are about to be taken among it. All is inserted and matched once, which takes the
 * pages, taken out again, and then measured.
 * Prints: ns of CPU per half, bytes per connection, matched.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

typedef struct { uint32_t hash, row; } Cell;
typedef struct { uint32_t a, b, ports, place, holder[2], rest[10]; } Row;

enum { BLOCK = 64 };

static const uint32_t *local, *remote, *ports, *holder;
static uint32_t count, seed, top, freed_count, matched, shift;
static Cell *cells;
static Row *rows;
static uint32_t *freed;

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *allocate(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(1);
  return memory;
}

static inline uint32_t hash_of(uint32_t a, uint32_t b, uint32_t p, uint32_t place) {
  uint32_t h = (a ^ seed) * 0x85ebca6bu;
  h ^= h >> 15;
  h = (h ^ b) * 0xc2b2ae35u;
  h ^= h >> 13;
  h = (h ^ p) * 0x27d4eb2fu;
  h ^= h >> 16;
  h = (h ^ place) * 0x85ebca6bu;
  h ^= h >> 13;
  return h * 0xc2b2ae35u;
}

typedef struct { uint32_t hash, a, b, ports, side; } Key;

static inline Key key_of(uint32_t i) {
  uint32_t l = local[i], r = remote[i], p = ports[i];
  uint32_t turned = (p << 16) | (p >> 16);
  uint32_t swap = -(uint32_t)((int32_t)l > (int32_t)r || (l == r && p > turned));
  Key key = { .a = l ^ ((l ^ r) & swap), .b = r ^ ((l ^ r) & swap), .ports = p ^ ((p ^ turned) & swap), .side = swap & 1 };
  key.hash = hash_of(key.a, key.b, key.ports, 2);
  return key;
}

static inline int is_at(const Row *row, const Key *key) {
  return row->a == key->a && row->b == key->b && row->ports == key->ports && row->place == 2;
}

static inline void open_half(const Key *key, uint32_t who) {
  for (uint32_t at = key->hash >> shift;; at++) {
    uint32_t found = cells[at].row;
    if (found == 0) {
      uint32_t id = freed_count ? freed[--freed_count] : top++;
      Row *row = &rows[id];
      cells[at] = (Cell){ key->hash, id + 1 };
      *row = (Row){ .a = key->a, .b = key->b, .ports = key->ports, .place = 2 };
      row->holder[key->side] = who + 1;
      return;
    }
    if (cells[at].hash != key->hash || !is_at(&rows[found - 1], key)) continue;
    Row *row = &rows[found - 1];
    matched += row->holder[key->side] == 0;
    row->holder[key->side] = who + 1;
    return;
  }
}

static inline void close_half(const Key *key) {
  for (uint32_t at = key->hash >> shift; cells[at].row != 0; at++) {
    uint32_t found = cells[at].row;
    if (cells[at].hash != key->hash || !is_at(&rows[found - 1], key)) continue;
    Row *row = &rows[found - 1];
    row->holder[key->side] = 0;
    if (row->holder[1 - key->side] != 0) return;
    uint32_t hole = at;
    for (uint32_t next = at + 1; cells[next].row != 0; next++) {
      if (cells[next].hash >> shift > hole) continue;
      cells[hole] = cells[next];
      hole = next;
    }
    cells[hole] = (Cell){ 0, 0 };
    freed[freed_count++] = found - 1;
    return;
  }
}

static void each(int opens, int prefetch) {
  Key keys[BLOCK];
  for (uint32_t from = 0; from < count; from += BLOCK) {
    uint32_t n = count - from < BLOCK ? count - from : BLOCK;
    for (uint32_t k = 0; k < n; k++) {
      keys[k] = key_of(from + k);
      if (prefetch) __builtin_prefetch(&cells[keys[k].hash >> shift]);
    }
    uint32_t left = freed_count;
    for (uint32_t k = 0; prefetch && k < n; k++) {
      uint32_t found = cells[keys[k].hash >> shift].row;
      if (found) __builtin_prefetch(&rows[found - 1]);
      else if (opens && left) __builtin_prefetch(&rows[freed[--left]]);
    }
    for (uint32_t k = 0; k < n; k++) {
      if (opens) open_half(&keys[k], holder[from + k]);
      else close_half(&keys[k]);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int file = open(argv[1], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return 1;
  const uint32_t *words = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (words == MAP_FAILED) return 1;
  count = words[0];
  local = words + 1;
  remote = local + count;
  ports = remote + count;
  holder = ports + count;
  seed = (uint32_t)strtoul(argv[2], NULL, 10);
  int prefetch = atoi(argv[3]);
  uint32_t bits = 10;
  while ((1ull << bits) * 0.75 < count / 2) bits++;
  shift = 32 - bits;
  size_t cell_bytes = ((1ull << bits) + 4096) * sizeof(Cell);
  cells = allocate(cell_bytes);
  rows = allocate((size_t)count * sizeof(Row));
  freed = allocate((size_t)count * sizeof *freed);
  each(1, prefetch);
  each(0, prefetch);
  matched = 0;
  double begun = cpu();
  each(1, prefetch);
  double spent = cpu() - begun;
  double bytes = (cell_bytes + (double)top * sizeof(Row)) / (count / 2.0);
  printf("%.2f %.1f %u\n", spent * 1e9 / count, bytes, matched);
  return 0;
}
