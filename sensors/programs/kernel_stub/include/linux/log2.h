/* bcc's histogram helpers name this header; no program here has a histogram. */
#pragma once
