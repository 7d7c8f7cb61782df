/* No program here reads packets. */
#pragma once
