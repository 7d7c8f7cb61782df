/* bcc's copy of the BPF interface needs no classic BPF for what is used here. */
#pragma once
