/* Ring sizes count in pages. The loader passes the running kernel's page size as PAGE_SIZE. */
#pragma once
