/* The floor in C: one thread that sends the same bytes to everybody by epoll, as reference.py does in Python.
 *
 * sender FILE KBPS: prints the URL it listens at. A listener gets two chunks at once and one whenever another is due;
 * what a full socket does not take is left out. No error is handled beyond closing the connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536, MOST = 65536, EVENTS = 1024 };

static const char HEAD[] = "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n";
static uint8_t state[MOST]; /* of each descriptor: 0 none, 1 its request is awaited, 2 it listens */
static int highest;

static double now_s(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec * 1e-9;
}

static void leave(int fd) {
  state[fd] = 0;
  close(fd);
}

static void give(int fd, const void *data, size_t length) {
  if (send(fd, data, length, MSG_NOSIGNAL) < 0 && errno != EAGAIN) leave(fd);
}

static void welcome(int server, int poll) {
  int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  if (fd >= MOST) {
    close(fd);
    return;
  }
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  state[fd] = 1;
  highest = fd > highest ? fd : highest;
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static void answer(int fd, const uint8_t *burst) {
  char request[4096];
  if (recv(fd, request, sizeof request, 0) <= 0) {
    leave(fd);
    return;
  }
  if (state[fd] == 1) {
    state[fd] = 2;
    give(fd, HEAD, sizeof HEAD - 1);
    if (state[fd]) give(fd, burst, 2 * CHUNK);
  }
}

int main(int count, char **words) {
  struct stat about;
  struct rlimit files;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int file = count == 3 ? open(words[1], O_RDONLY) : -1;
  if (file < 0 || fstat(file, &about) < 0 || about.st_size < 4 * CHUNK) return 2;
  const uint8_t *audio = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  double pace_s = CHUNK * 8.0 / (atof(words[2]) * 1000);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(server, (struct sockaddr *)&address, length) < 0 || listen(server, 4096) < 0) return 1;
  getsockname(server, (struct sockaddr *)&address, &length);
  printf("http://127.0.0.1:%d/\n", ntohs(address.sin_port));
  fflush(stdout);
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = server}, events[EVENTS];
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &event);
  off_t at = 2 * CHUNK;
  for (double due_s = now_s() + pace_s;;) {
    double left_s = due_s - now_s();
    int ready = epoll_wait(poll, events, EVENTS, left_s > 0 ? (int)(left_s * 1000) + 1 : 0);
    for (int one = 0; one < ready; one++) {
      if (events[one].data.fd == server) welcome(server, poll);
      else answer(events[one].data.fd, audio + at - 2 * CHUNK);
    }
    if (now_s() < due_s) continue;
    due_s += pace_s;
    for (int fd = 0; fd <= highest; fd++)
      if (state[fd] == 2) give(fd, audio + at, CHUNK);
    at = at + 2 * CHUNK <= about.st_size ? at + CHUNK : 2 * CHUNK;
  }
}
