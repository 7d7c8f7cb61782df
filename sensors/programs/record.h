/* What the programs write to the "process" ring. sensors/ring_records.py reads it: change both.
 *
 * A record is a fixed head and, for an exec, the texts behind it in the order of their lengths in the
 * head. Integers are the machine's own order. A path is its components from the leaf to the root, each
 * ended by a NUL: no component holds one.
 */
#pragma once

#define KIND_EXEC 1
#define KIND_EXIT 2

#define FILE_PRESENT 1
#define FILE_TRUNCATED 2 /* the path goes on towards the root, or leads to no root at all */
#define FILE_UNLINKED 4

#define EXEC_SCRIPT 1
#define EXEC_MORE_ANCESTORS 2
#define EXEC_CWD_TRUNCATED 4
#define EXEC_ARGS_UNREADABLE 8
#define EXEC_FILENAME_TRUNCATED 16

#define ANCESTORS 8
#define TTY_BYTES 32

struct file_facts {
    u64 inode;
    u64 filesystem; /* s_magic */
    u32 device;     /* the kernel's encoding: 12 bits major, 20 bits minor */
    u32 owner;
    u16 path_bytes;
    u8 flags;
    u8 unused[5];
};

struct ancestor {
    u64 start_ns;
    u64 inode;
    u32 pid;
    u32 device;
};

struct record_head {
    u16 head_bytes; /* of the whole fixed part */
    u8 kind;
    u8 flags;
    u32 cpu;
    u64 sequence;
    u64 boot_ns;
    u64 start_ns;
    u64 cgroup_id;
    u32 pid;
    u32 unused;
};

struct exec_record {
    struct record_head head;
    u32 namespace_pid;
    u32 uid;
    u32 gid;
    u32 mnt_namespace;
    u32 pid_namespace;
    u32 net_namespace;
    u32 user_namespace;
    u32 uts_namespace;
    u32 ipc_namespace;
    u32 cgroup_namespace;
    u32 args_total; /* bytes of the whole argv, as the process was given it */
    u16 args_bytes;
    u16 filename_bytes;
    u16 cwd_bytes;
    u16 ancestor_count;
    u32 unused;
    struct file_facts file;
    struct file_facts parent;
    struct file_facts source;
    struct ancestor ancestors[ANCESTORS];
    char tty[TTY_BYTES];
    /* texts: file, parent, source, cwd, filename, args */
};

struct exit_record {
    struct record_head head;
    u64 inode;
    u32 device;
    u32 code;
};
