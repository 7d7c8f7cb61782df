/* A program that lives for LIFETIME_NS and exits with 0. No C library: its start is the kernel's alone.
 * Up to a millisecond it spins on the clock, since a sleep would be late by the timer's slack. */

#include <stddef.h>

enum { CLOCK = 1 /* CLOCK_MONOTONIC */, SPIN_NS = 1000000 };

struct timespec {
    long seconds;
    long nanoseconds;
};

#if defined(__x86_64__)
enum { SYS_NANOSLEEP = 35, SYS_CLOCK_GETTIME = 228, SYS_EXIT = 231 };

static long call(long number, long first, long second)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { SYS_NANOSLEEP = 101, SYS_CLOCK_GETTIME = 113, SYS_EXIT = 94 };

static long call(long number, long first, long second)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    return x0;
}
#else
#error "no system calls for this machine here"
#endif

static long now(void)
{
    struct timespec time;
    call(SYS_CLOCK_GETTIME, CLOCK, (long)&time);
    return time.seconds * 1000000000L + time.nanoseconds;
}

/* The kernel aligns the stack for an entry, not for a called function: nothing wide may lie on it. */
static struct timespec rest = {LIFETIME_NS / 1000000000L, LIFETIME_NS % 1000000000L};

void _start(void)
{
    if (LIFETIME_NS < SPIN_NS) {
        long until = now() + LIFETIME_NS;
        while (now() < until) {
        }
    } else {
        while (call(SYS_NANOSLEEP, (long)&rest, (long)&rest) != 0) {
        }
    }
    call(SYS_EXIT, 0, 0);
    __builtin_unreachable();
}
