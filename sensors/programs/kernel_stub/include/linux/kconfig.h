/* bcc includes this first in every program and asks for one option by name. */
#pragma once

#define CONFIG_BPF_SYSCALL 1
