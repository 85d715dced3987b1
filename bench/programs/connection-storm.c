/*
 * What connection-storm.mjs does, for a machine that has a C compiler: the same arguments and lines, at a third less of
 * CPU per connection, which is left for the agent that is measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TARGETS 16

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* As the /proc that is mounted here shows it. */
static void print_ready(void) {
  char pid[32] = "";
  if (readlink("/proc/self", pid, sizeof pid - 1) < 0) perror("/proc/self");
  printf("ready %s\n", pid);
  fflush(stdout);
}

static struct sockaddr_in address_of(unsigned ip, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(ip);
  return address;
}

static int serve(int port) {
  struct sockaddr_in any = address_of(INADDR_ANY, port);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (void *)&any, sizeof any) != 0 || listen(listener, 4096) != 0) {
    fprintf(stderr, "cannot listen on %d: %s\n", port, strerror(errno));
    return 1;
  }
  print_ready();
  for (;;) {
    char bytes[4096];
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) continue;
    while (recv(connection, bytes, sizeof bytes, 0) > 0) {
    }
    close(connection);
  }
}

/* Returns how many could not be made. */
static long storm(int port, long count, double rate) {
  static const char payload[64] = "x";
  const double begun_ms = now_ms();
  long failures = 0;
  for (long i = 0; i < count; i++) {
    const double ahead_ms = rate == 0 ? 0 : i / rate * 1e3 - (now_ms() - begun_ms);
    if (ahead_ms > 1) usleep(ahead_ms * 1e3);
    struct sockaddr_in target = address_of(0x7f640001 + i % TARGETS, port);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (void *)&target, sizeof target) != 0) failures++;
    else if (send(connection, payload, sizeof payload, 0) < 0) failures++;
    close(connection);
  }
  return failures;
}

static int dial(int port) {
  long count;
  double rate;
  /* Of this network alone. */
  FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
  if (range != NULL) {
    fputs("1024 65000", range);
    fclose(range);
  }
  print_ready();
  while (scanf("%ld %lf", &count, &rate) == 2) {
    const double begun_ms = now_ms();
    const long failures = storm(port, count, rate);
    printf("done %.0f %ld\n", now_ms() - begun_ms, failures);
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const int port = atoi(argv[2]);
  return strcmp(argv[1], "serve") == 0 ? serve(port) : dial(port);
}
