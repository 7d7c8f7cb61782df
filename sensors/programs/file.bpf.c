/* Files and paths, from the leaf to the root of the mount namespace, across mounts and chroot. */

/* Texts lie one behind the other, each piece bounded. The verifier follows a cursor masked to the
 * area's size; the slack behind is what the largest single piece can take. */
#define TEXT_AREA 16384
#define TEXT_SLACK 4096
#define COMPONENT_BYTES 256 /* NAME_MAX and a NUL */

/* The cursor stays below TEXT_AREA by the sum of the bounds: 4 paths, a file name, argv. */
#if 4 * (PATH_BYTES + COMPONENT_BYTES) + FILENAME_BYTES + ARGS_BYTES > TEXT_AREA
#error "the texts of an exec do not fit their area"
#endif

/* Where the next text goes, and how the last walk ended. It lies in a map and is read anew each time:
 * a value that the verifier knows nothing of leaves it one state to follow where a register, with the
 * bounds that each step taught, would leave it hundreds of thousands. */
struct writer {
    u32 cursor;
    u32 end; /* no further component from here on */
    u32 flags;
    u32 unused;
};

INLINE char *text_at(char *texts, volatile struct writer *writer)
{
    u64 cursor = writer->cursor;
    HIDE(cursor);
    cursor &= TEXT_AREA - 1;
    return texts + cursor;
}

/* Whether `mount`, which has no parent, is the root of no namespace that a path could start from:
 * unmounted lazily, or never mounted (open_tree(2)). A path inside is not what it seems. */
INLINE int detached(const void *mount)
{
    const void *namespace = READ_POINTER(mount, OFFSET_mount__mnt_ns);
    if (!namespace)
        return 1;
    if ((u64)namespace >= (u64)-4095)
        return 0; /* the kernel's own, as of memfd */
#ifdef OFFSET_mnt_namespace__seq
    return READ(u64, namespace, OFFSET_mnt_namespace__seq) == 0;
#else
    return READ(u64, namespace, OFFSET_mnt_namespace__ns__ns_id) == 0;
#endif
}

/* Appends the components of a path. Sets FILE_TRUNCATED in `writer->flags` where some towards the root
 * are missing, else clears it. */
INLINE void append_path(volatile struct writer *writer, char *texts, const void *vfsmount,
                        const void *dentry)
{
    const void *mount = vfsmount - OFFSET_mount__mnt;
    writer->end = writer->cursor + PATH_BYTES;
    writer->flags = FILE_TRUNCATED;
#pragma clang loop unroll(disable)
    for (int step = 0; step < PATH_STEPS; step++) {
        const void *parent = READ_POINTER(dentry, OFFSET_dentry__d_parent);
        if (dentry == READ_POINTER(mount, OFFSET_mount__mnt + OFFSET_vfsmount__mnt_root)) {
            const void *above = READ_POINTER(mount, OFFSET_mount__mnt_parent);
            if (above == mount) {
                if (!detached(mount))
                    writer->flags = 0;
                return;
            }
            dentry = READ_POINTER(mount, OFFSET_mount__mnt_mountpoint);
            mount = above;
            continue;
        }
        if (writer->cursor > writer->end)
            return;
        const void *name = READ_POINTER(dentry, OFFSET_dentry__d_name__name);
        long length = bpf_probe_read_kernel_str(text_at(texts, writer), COMPONENT_BYTES, name);
        if (length <= 1)
            return;
        writer->cursor += length;
        if (parent == dentry) { /* a file without a directory, as memfd: its name is all there is */
            writer->flags = 0;
            return;
        }
        dentry = parent;
    }
}

/* Fills `facts` from a struct file and appends its path. Without a file nothing is present. */
INLINE void append_file(struct file_facts *facts, volatile struct writer *writer, char *texts,
                        const void *file)
{
    if (!file)
        return;
    const void *inode = READ_POINTER(file, OFFSET_file__f_inode);
    const void *superblock = READ_POINTER(inode, OFFSET_inode__i_sb);
    const void *dentry = READ_POINTER(file, OFFSET_file__f_path__dentry);
    facts->inode = READ(u64, inode, OFFSET_inode__i_ino);
    facts->owner = READ(u32, inode, OFFSET_inode__i_uid);
    facts->device = READ(u32, superblock, OFFSET_super_block__s_dev);
    facts->filesystem = READ(u64, superblock, OFFSET_super_block__s_magic);
    u32 start = writer->cursor;
    append_path(writer, texts, READ_POINTER(file, OFFSET_file__f_path__mnt), dentry);
    facts->path_bytes = writer->cursor - start;
    facts->flags = FILE_PRESENT | writer->flags;
    const void *hashed = READ_POINTER(dentry, OFFSET_dentry__d_hash__pprev);
    const void *parent = READ_POINTER(dentry, OFFSET_dentry__d_parent);
    if (READ(u32, inode, OFFSET_inode__i_nlink) == 0 || (!hashed && dentry != parent))
        facts->flags |= FILE_UNLINKED;
}

/* The program that a task runs, or NULL for a kernel thread. */
INLINE const void *program_of(const void *task)
{
    const void *memory = READ_POINTER(task, OFFSET_task_struct__mm);
    return memory ? READ_POINTER(memory, OFFSET_mm_struct__exe_file) : NULL;
}
