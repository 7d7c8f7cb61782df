/* The BPF interface as bcc carries it: independent of the machine's headers. */
#pragma once

#include <linux/types.h>
#include <bcc/bpf.h>
